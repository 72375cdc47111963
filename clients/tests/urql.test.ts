// What urql with Graphcache promises, with the lines of docs/clients.md.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, test } from "node:test";

import type { AnyVariables, Client, OperationResult, TypedDocumentNode } from "@urql/core";
import { getIntrospectedSchema, minifyIntrospectionQuery } from "@urql/introspection";

import { Anything, Comments, Partly, PostsOf, PUBLISHED, Retitle, Title, Viewer } from "./documents";
import kept from "./gazette/schema.json";
import { resolvers, urqlClient } from "./urql";
import "./urqlLive";
import { RemovePost, WriteComment } from "./urqlUpdates";
import {
  abortions,
  call,
  comment,
  connections,
  hold,
  logIn,
  logInExpired,
  logOut,
  noComplaints,
  requests,
  requestsOf,
  thread,
  until,
} from "./world";

/** Keep a query in use, as a component does: all that it has shown. It has shown its first answer already. */
async function used<D, V extends AnyVariables>(client: Client, query: TypedDocumentNode<D, V>, variables: V) {
  const shown: OperationResult<D, V>[] = [];
  client.query(query, variables).subscribe((result) => shown.push(result));
  await until(() => shown.length > 0);
  return { shown, data: () => shown.at(-1)!.data as D };
}

function page(data: any) {
  const { edges, pageInfo, totalCount } = data.post.comments;
  return { ...pageInfo, totalCount, edges, bodies: edges.map((edge: any) => edge.node.body) };
}

async function ask<D, V extends AnyVariables>(client: Client, query: TypedDocumentNode<D, V>, variables: V): Promise<D> {
  const { data, error } = await client.query(query, variables).toPromise();
  assert.equal(error, undefined);
  return data!;
}

const codes = ({ error }: OperationResult) => error?.graphQLErrors.map(({ extensions }) => extensions.code);

afterEach(() => noComplaints());

test("the kit's schema is what urql's own program makes of it", () => {
  const own = minifyIntrospectionQuery(getIntrospectedSchema(readFileSync("src/gazette/schema.graphql", "utf-8")));
  assert.deepEqual(comparable(kept), comparable(own));
});

/** Without the order of types, and nulls that say nothing. */
function comparable(value: any): any {
  if (Array.isArray(value)) return value.map(comparable).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, part]) => part !== null && part !== undefined);
  return Object.fromEntries(entries.map(([name, part]) => [name, comparable(part)]));
}

test("a query is answered once, and then by the cache", async () => {
  const client = urqlClient();
  assert.equal(await requestsOf(() => ask(client, PostsOf, { first: 3 })), 1);
  assert.equal(await requestsOf(() => ask(client, PostsOf, { first: 3 })), 0);
  assert.equal((await ask(client, PostsOf, { first: 3 })).posts.edges.length, 3);
});

test("every connection of the schema has a resolver", () => {
  for (const { parent, field } of connections()) {
    assert.ok((resolvers as any)[parent][field], `${parent}.${field}`);
  }
});

test("a list grows forward, complete and in order", async () => {
  await logIn();
  const { id, bodies } = await thread(25);
  const client = urqlClient();
  let list = page(await ask(client, Comments, { id, first: 10 }));
  while (list.hasNextPage) {
    list = page(await ask(client, Comments, { id, first: 10, after: list.endCursor }));
  }
  assert.deepEqual(list.bodies, bodies);
  assert.equal(list.totalCount, 25);
  assert.equal(requests().length, 3);
});

test("a list grows backward, complete and in order", async () => {
  await logIn();
  const { id, bodies } = await thread(25);
  const client = urqlClient();
  let list = page(await ask(client, Comments, { id, last: 10 }));
  assert.deepEqual(list.bodies, bodies.slice(-10));
  while (list.hasPreviousPage) {
    list = page(await ask(client, Comments, { id, last: 10, before: list.startCursor }));
  }
  assert.deepEqual(list.bodies, bodies);
  assert.equal(requests().length, 3);
});

test("each filter has a list of its own", async () => {
  const client = urqlClient();
  const of = (username: string) => ask(client, PostsOf, { filter: { author: { username } }, first: 2 });
  const [ada, ben] = [await of("ada"), await of("ben")];
  assert.notDeepEqual(ada, ben);
  assert.equal(await requestsOf(async () => assert.deepEqual(await of("ada"), ada)), 0);
});

test("a new comment's edge goes to the end of the list, without a refetch", async () => {
  await logIn();
  const { id, bodies } = await thread(3);
  const client = urqlClient();
  const list = await used(client, Comments, { id, first: 10 });
  const write = () => client.mutation(WriteComment, { postId: id, body: "new" }).toPromise();
  assert.equal(await requestsOf(write), 1);
  await until(() => page(list.data()).bodies.length === 4);
  assert.deepEqual(page(list.data()).bodies, [...bodies, "new"]);
  assert.equal(page(list.data()).totalCount, 4);
  assert.equal(requests().length, 2);
});

test("a list goes on behind an edge that a mutation brought", async () => {
  await logIn();
  const { id, bodies } = await thread(2);
  const client = urqlClient();
  const list = await used(client, Comments, { id, first: 10 });
  await client.mutation(WriteComment, { postId: id, body: "mine" }).toPromise();
  await until(() => page(list.data()).bodies.length === 3);
  await comment(id, "somebody else's");
  const after = page(list.data()).edges.at(-1).cursor;
  const { bodies: all } = page(await ask(client, Comments, { id, first: 10, after }));
  assert.deepEqual(all, [...bodies, "mine", "somebody else's"]);
});

test("a changed post is changed wherever it is shown, without a refetch", async () => {
  await logIn();
  const { id } = await thread(0);
  const client = urqlClient();
  const title = await used(client, Title, { id });
  const feed = await used(client, PostsOf, { filter: PUBLISHED, first: 3 });
  assert.equal(await requestsOf(() => client.mutation(Retitle, { id, title: "Another" }).toPromise()), 1);
  const inFeed = () => feed.data().posts.edges.find((edge) => edge.node.id === id)!.node.title;
  await until(() => title.data().post!.version === 3 && inFeed() === "Another");
  assert.equal(title.data().post!.title, "Another");
  assert.equal(requests().length, 3);
});

test("a deleted post leaves the feed, without a refetch", async () => {
  await logIn();
  const { id } = await thread(1);
  const client = urqlClient();
  const feed = await used(client, PostsOf, { filter: PUBLISHED, first: 3 });
  const ids = () => feed.data().posts.edges.map((edge) => edge.node.id);
  assert.ok(ids().includes(id));
  await client.mutation(RemovePost, { id }).toPromise();
  await until(() => !ids().includes(id));
  assert.equal(ids().length, 2);
  assert.equal(requests().length, 2);
});

test("fragments on Node match what has an id, in the order that was asked for", async () => {
  await logIn();
  const { id, comments } = await thread(1);
  const client = urqlClient();
  const ids = [comments[0], "UG9zdDo5OTk5OTk5OTk", id];
  for (const _ of ["from the server", "from the cache"]) {
    const { nodes } = await ask(client, Anything, { ids });
    assert.deepEqual(nodes.map((node) => node?.__typename), ["Comment", undefined, "Post"]);
    const post = nodes[2] as { title: string; author: { username: string } };
    assert.deepEqual([post.title, post.author.username], ["A thread", "ada"]);
    assert.equal((nodes[0] as { body: string }).body, "comment 1");
  }
  assert.equal(requests().length, 1);
});

test("a field that fails is an error beside the data", async () => {
  await logIn();
  const result = await urqlClient().query(Partly, { bad: "nonsense" }).toPromise();
  assert.equal(result.data!.viewer!.username, "ada");
  assert.deepEqual(codes(result), ["BAD_USER_INPUT"]);
  assert.deepEqual(result.error!.graphQLErrors[0].path, ["node"]);
});

test("userErrors are data", async () => {
  await logIn();
  const { id } = await thread(0);
  const { data, error } = await urqlClient().mutation(Retitle, { id, title: "" }).toPromise();
  assert.equal(error, undefined);
  assert.deepEqual(data!.updatePost.userErrors.map(({ code, path }) => [code, path]), [["INVALID", ["input", "title"]]]);
});

test("variables that are missing are an error with its code", async () => {
  const result = await urqlClient().query(Partly, {} as { bad: string }).toPromise();
  assert.deepEqual([result.data, codes(result)], [undefined, ["BAD_USER_INPUT"]]);
});

test("an optimistic update is shown at once, and then the server's", async () => {
  await logIn();
  const { id } = await thread(0);
  const client = urqlClient();
  const { shown, data } = await used(client, Title, { id });
  await client.mutation(Retitle, { id, title: "  Tidied up  " }).toPromise();
  await until(() => data().post!.title === "Tidied up");
  const titles = shown.map((result) => result.data!.post!.title);
  assert.deepEqual([...new Set(titles)], ["A thread", "  Tidied up  ", "Tidied up"]);
});

test("an optimistic update that is refused is taken back, and shows the conflict's version", async () => {
  await logIn();
  const { id } = await thread(0);
  const client = urqlClient();
  const { data } = await used(client, Title, { id });
  const { version } = data().post!;
  await call(`mutation ($id: ID!) {updatePost(input: {id: $id, title: "Theirs"}) {post {id}}}`, { id });
  const refused = await client.mutation(Retitle, { id, title: "Mine", expectedVersion: version }).toPromise();
  assert.equal(refused.data!.updatePost.userErrors[0].code, "CONFLICT");
  await until(() => data().post!.title === "Theirs");
});

test("an expired token is renewed, once for all who wait", async () => {
  await logInExpired();
  const client = urqlClient();
  const [viewer, posts] = await Promise.all([ask(client, Viewer, {}), ask(client, PostsOf, { first: 1 })]);
  assert.equal(viewer.viewer!.username, "ada");
  assert.equal(posts.posts.edges.length, 1);
  assert.equal(requests().filter((body) => body.includes("refreshTokens")).length, 1);
});

test("a mutation that met an expired token is done once", async () => {
  await logIn();
  const { id } = await thread(0);
  await logInExpired();
  const written = await urqlClient().mutation(WriteComment, { postId: id, body: "once" }).toPromise();
  assert.equal(written.data!.createComment.commentEdge!.node.body, "once");
  const data = await call(`query ($id: ID!) {post(by: {id: $id}) {comments {totalCount}}}`, { id });
  assert.equal(data.post.comments.totalCount, 1);
});

test("a session that has ended is an error, and not an endless renewal", async () => {
  await logOut(await logInExpired());
  assert.deepEqual(codes(await urqlClient().query(Viewer, {}).toPromise()), ["UNAUTHENTICATED"]);
  assert.equal(requests().length, 3);
});

test("a query that nobody waits for is aborted, and the client goes on", async () => {
  const client = urqlClient();
  const release = hold();
  const { unsubscribe } = client.query(PostsOf, { first: 100 }).subscribe(() => {});
  await until(() => requests().length === 1);
  unsubscribe();
  release();
  assert.equal(abortions(), 1);
  assert.equal((await ask(client, PostsOf, { first: 2 })).posts.edges.length, 2);
});
