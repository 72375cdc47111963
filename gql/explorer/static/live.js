// Subscriptions, by server-sent events: they take the headers that queries take, and after a connection was lost
// the server goes on behind the last event that has arrived.

import { refusal, resultOf } from "./http.js";

const WAITS = [0, 1, 2, 4, 8, 16]; // Seconds before each attempt to come back.
const STEADY = 10_000; // Milliseconds after which a connection was a good one.

/** Tell `sink` all results. `open(position, signal)` asks the server for those behind the event of that id. */
export async function follow(open, sink, signal) {
  const progress = { position: null, wasOpen: false, openedAt: Infinity };
  for (let failures = 0; ; failures += 1) {
    try {
      await read(open, progress, sink, signal);
      sink.complete();
      return;
    } catch {
      if (signal.aborted) {
        return;
      }
    }
    if (performance.now() - progress.openedAt > STEADY) {
      failures = 0;
    }
    if (!progress.wasOpen || failures === WAITS.length) {
      break;
    }
    progress.openedAt = Infinity;
    await new Promise((resolve) => setTimeout(resolve, WAITS[failures] * 1000));
  }
  sink.next(refusal(progress.wasOpen ? "The connection was lost." : "The server does not answer."));
  sink.complete();
}

/** Until the subscription is complete, or refused. Rejects where the connection ends before. */
async function read(open, progress, sink, signal) {
  const response = await open(progress.position, signal);
  if (!isStream(response)) {
    if (progress.wasOpen && !response.ok) {
      throw new Error("A server that stops or starts refuses what it has granted before.");
    }
    sink.next(await resultOf(response));
    return;
  }
  progress.wasOpen = true;
  progress.openedAt = performance.now();
  for await (const { event, id, data } of eventsOf(response.body)) {
    if (event === "complete") {
      return;
    }
    progress.position = id ?? progress.position;
    sink.next(JSON.parse(data));
  }
  throw new Error("The stream has ended, and was not complete.");
}

function isStream(response) {
  return response.ok && response.headers.get("content-type")?.startsWith("text/event-stream");
}

/** The events of a stream. Its lines end in LF, and data is one line, as the API sends them. */
async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const blocks = (rest + piece.value).split("\n\n");
    rest = blocks.pop();
    yield* blocks.map(fieldsOf).filter((fields) => fields.event);
  }
}

/** A comment, which is a sign of life, has none that counts. */
function fieldsOf(block) {
  return Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s)));
}
