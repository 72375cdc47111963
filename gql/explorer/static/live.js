// Subscriptions, by server-sent events: they take the headers that queries take, and after a connection was lost
// the server goes on behind the last event that has arrived.

import { refusal, resultOf } from "./http.js";

const WAITS = [0, 1, 2, 4, 8, 16]; // Seconds before each attempt to come back.
const STEADY = 10_000; // Milliseconds after which a connection was a good one.

/** Tell `sink` all results. `open(position, signal)` asks the server for those behind the event of that id. */
export async function follow(open, sink, signal) {
  const progress = { wasOpen: false, position: null };
  for (let failures = 0; failures < WAITS.length; failures += 1) {
    const begun = performance.now();
    try {
      await read(open, progress, sink, signal);
      sink.complete();
      return;
    } catch {
      if (signal.aborted) {
        return;
      }
    }
    if (!progress.wasOpen) {
      break;
    }
    if (performance.now() - begun > STEADY) {
      failures = 0;
    }
    await new Promise((resolve) => setTimeout(resolve, WAITS[failures] * 1000));
  }
  sink.next(refusal(progress.wasOpen ? "The connection was lost." : "The server does not answer."));
  sink.complete();
}

/** Until the subscription is complete, or refused. Rejects where the connection ends before. */
async function read(open, progress, sink, signal) {
  const response = await open(progress.position, signal);
  if (isStream(response)) {
    progress.wasOpen = true;
    for await (const { event, id, data } of eventsOf(response.body)) {
      if (event === "complete") {
        return;
      }
      progress.position = id ?? progress.position;
      sink.next(JSON.parse(data));
    }
  }
  // A server that begins or ends may refuse for a moment what it has granted before.
  if (progress.wasOpen) {
    throw new Error("The stream was not completed.");
  }
  sink.next(await resultOf(response));
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
