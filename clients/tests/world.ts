// What the tests of all clients share: somebody who is logged in, posts with comments, and a count of requests.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { beforeEach } from "node:test";

import WebSocket from "ws";

import schema from "./gazette/schema.json";
import { API, session, type Tokens } from "./session";

type Json = any; // Answers of documents that no client has seen.

const send = globalThis.fetch;
let sent: string[] = [];
let aborted = 0;
let gate: Promise<void> = Promise.resolve();
let complaints: string[] = [];
let cutter = new AbortController();

// Every client asks by `fetch`; what the tests ask for themselves is not counted.
globalThis.fetch = async (input, init) => {
  sent.push(String(init?.body ?? input));
  init?.signal?.addEventListener("abort", () => aborted++);
  await gate;
  return send(input, { ...init, signal: AbortSignal.any([cutter.signal, ...(init?.signal ? [init.signal] : [])]) });
};

// Node has no sockets of its own before 22.
class Socket extends WebSocket {
  constructor(address: string, protocol: string) {
    super(address, protocol);
    const { signal } = cutter;
    const end = () => this.terminate();
    signal.addEventListener("abort", end);
    this.addEventListener("close", () => signal.removeEventListener("abort", end));
    if (signal.aborted) end();
  }
}
globalThis.WebSocket = Socket as any;

// Clients say in the console where an answer is not as they want it.
for (const level of ["warn", "error"] as const) {
  console[level] = (...parts) => complaints.push(parts.map(String).join(" "));
}

beforeEach(() => {
  sent = [];
  aborted = 0;
  complaints = [];
  session.end();
});

/** What `fetch` was asked to send since the test began. */
export const requests = (): string[] => sent;

/** Keep back what is to be sent from now on, until it is released. */
export function hold(): () => void {
  let release = () => {};
  gate = new Promise((resolve) => (release = resolve));
  return release;
}

/** Cut the client's sockets and streams, as when a train goes into a tunnel, until it is out again. */
export function cut(): () => void {
  cutter.abort(new TypeError("There is no network."));
  return () => void (cutter = new AbortController());
}

/** How many of these the client took back before they were answered, or after. */
export const abortions = (): number => aborted;

/** How many requests it takes to do something. */
export async function requestsOf(work: () => Promise<unknown>): Promise<number> {
  const before = sent.length;
  await work();
  return sent.length - before;
}

/** That the client found nothing to say in the console, but for what is known. */
export function noComplaints(known?: RegExp): void {
  assert.deepEqual(complaints.filter((complaint) => !known?.test(complaint)), []);
}

export async function call(query: string, variables: object = {}, headers = session.headers()): Promise<Json> {
  const answer = await send(API, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

export async function logIn(username = "ada"): Promise<Tokens> {
  const data = await call(
    `mutation ($username: String!) {
      logIn(input: {username: $username, password: "gazette-demo"}) {tokens {accessToken refreshToken}}
    }`,
    { username },
    {},
  );
  session.begin(data.logIn.tokens);
  return data.logIn.tokens;
}

/** Log in with an access token that expired a minute ago, of a session that is still good. */
export async function logInExpired(): Promise<Tokens> {
  const tokens = await logIn();
  const [head, payload] = tokens.accessToken.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  const old = { ...claims, iat: claims.iat - 960, exp: claims.iat - 60 };
  const unsigned = `${head}.${Buffer.from(JSON.stringify(old)).toString("base64url")}`;
  const signature = createHmac("sha256", process.env.GAZETTE_SECRET_KEYS!).update(unsigned).digest("base64url");
  const expired = { ...tokens, accessToken: `${unsigned}.${signature}` };
  session.begin(expired);
  return expired;
}

/** End the session whose access token has expired, as another device could. */
export async function logOut({ refreshToken }: Tokens): Promise<void> {
  const data = await call(
    `mutation ($refreshToken: String!) {
      refreshTokens(input: {refreshToken: $refreshToken}) {tokens {accessToken refreshToken}}
    }`,
    { refreshToken },
    {},
  );
  const Authorization = `Bearer ${data.refreshTokens.tokens.accessToken}`;
  await call(`mutation {logOut(input: {}) {endedSessions}}`, {}, { Authorization });
}

export interface Thread {
  id: string;
  bodies: string[];
  comments: string[];
}

/** A published post of who is logged in, with comments in their order. */
export async function thread(size: number, title = "A thread"): Promise<Thread> {
  const made = await call(
    `mutation ($title: String!) {createPost(input: {title: $title, body: "…"}) {post {id}}}`,
    { title },
  );
  const { id } = made.createPost.post;
  await call(`mutation ($id: ID!) {publishPost(input: {id: $id}) {post {id}}}`, { id });
  const bodies = Array.from({ length: size }, (_, number) => `comment ${number + 1}`);
  const comments: string[] = [];
  for (const body of bodies) {
    comments.push(await comment(id, body));
  }
  return { id, bodies, comments };
}

export async function comment(postId: string, body: string): Promise<string> {
  const data = await call(
    `mutation ($postId: ID!, $body: String!) {
      createComment(input: {postId: $postId, body: $body}) {comment {id}}
    }`,
    { postId, body },
  );
  return data.createComment.comment.id;
}

/** A new post of who is logged in, which nobody else sees. */
export async function draft(): Promise<string> {
  const made = await call(`mutation {createPost(input: {title: "A draft", body: "…"}) {post {id}}}`);
  return made.createPost.post.id;
}

const UPDATED = "subscription ($id: ID!) {postUpdated(id: $id) {eventId}}";
const TOUCH = "mutation ($id: ID!, $title: String!) {updatePost(input: {id: $id, title: $title}) {post {id}}}";

/**
 * The id of an event from right now, for `after`: what happens from here on is told, although nobody can know when a
 * subscription has begun. The post gets another title.
 */
export async function present(id: string): Promise<string> {
  const abort = new AbortController();
  const { body } = await send(API, {
    method: "POST",
    headers: { Accept: "text/event-stream", "Content-Type": "application/json", ...session.headers() },
    body: JSON.stringify({ query: UPDATED, variables: { id } }),
    signal: abort.signal,
  });
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  let eventId: string | undefined;
  const reading = (async () => {
    for (let text = ""; !eventId; eventId = /"eventId":"([^"]+)"/.exec(text)?.[1]) {
      text += (await reader.read()).value;
    }
  })();
  for (let tries = 0; tries < 200 && !eventId; tries++) {
    await call(TOUCH, { id, title: `Title ${tries}` });
    await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, 50))]);
  }
  abort.abort();
  return eventId!;
}

const PAGING = new Set(["after", "before", "first", "last"]);

/** All fields of the schema that are connections, with the arguments that make another list of them. */
export function* connections(): Generator<{ parent: string; field: string; args: string[] }> {
  for (const { name: parent, kind, fields } of schema.__schema.types as any[]) {
    if (kind !== "OBJECT") continue;
    for (const { name: field, type, args } of fields) {
      if (!type.ofType?.name?.endsWith("Connection")) continue;
      yield { parent, field, args: args.map((arg: any) => arg.name).filter((name: string) => !PAGING.has(name)) };
    }
  }
}

/** Wait until something is so; the time it may take is for a busy machine. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !isSo(); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.ok(isSo(), "it never came to be");
}
