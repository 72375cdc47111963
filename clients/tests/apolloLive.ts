// What Apollo Client promises of live updates, over a socket.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { type ApolloClient, CombinedGraphQLErrors } from "@apollo/client";

import { apolloClient } from "./apollo";
import { addComment, CommentAdded, followComments, WriteComment } from "./apolloComments";
import { Comments } from "./documents";
import { session } from "./session";
import { comment, cut, draft, logIn, logInExpired, logOut, present, requests, requestsOf, thread, until } from "./world";

const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A post's comments as they are shown, which are followed from right now on. */
async function followed(client: ApolloClient, id: string) {
  const after = await present(id);
  const query = client.watchQuery({ query: Comments, variables: { id, first: 10 } });
  const shown = query.subscribe(() => {});
  await until(() => !query.getCurrentResult().loading);
  const following = followComments(client, { postId: id, after });
  ends.push(() => (shown.unsubscribe(), following.unsubscribe()));
  const page = () => query.getCurrentResult().data!.post!.comments as any;
  return { page, bodies: (): string[] => page().edges.map((edge: any) => edge.node.body) };
}

/** What is told of a post's comments, until it ends with an error or without one. */
function told(client: ApolloClient, postId: string, after?: string) {
  const heard = { bodies: [] as (string | null)[], error: undefined as Error | undefined };
  const following = client.subscribe({ query: CommentAdded, variables: { postId, after } }).subscribe({
    next({ data, error }) {
      if (data) heard.bodies.push(data.commentAdded.commentEdge.node.body);
      heard.error ??= error;
    },
    error: (error) => (heard.error = error),
  });
  ends.push(() => following.unsubscribe());
  return heard;
}

test("live: somebody's comment goes to the end of the list, without a request", async () => {
  await logIn();
  const { id, bodies } = await thread(2);
  const list = await followed(apolloClient(), id);
  const heard = async () => {
    await comment(id, "from elsewhere");
    await until(() => list.bodies().length === 3);
  };
  assert.equal(await requestsOf(heard), 0);
  assert.deepEqual(list.bodies(), [...bodies, "from elsewhere"]);
  assert.equal(list.page().totalCount, 3);
});

test("live: where there is a further page, a comment comes with that one, and is there once", async () => {
  await logIn();
  const { id, bodies } = await thread(3);
  const client = apolloClient();
  const after = await present(id);
  const query = client.watchQuery({ query: Comments, variables: { id, first: 2 } });
  const shown = query.subscribe(() => {});
  await until(() => !query.getCurrentResult().loading);
  const heard = told(client, id, after);
  const following = followComments(client, { postId: id, after });
  ends.push(() => (shown.unsubscribe(), following.unsubscribe()));
  const page = () => query.getCurrentResult().data!.post!.comments as any;
  await comment(id, "from elsewhere");
  await until(() => heard.bodies.length === 1 && page().totalCount === 4);
  assert.equal(page().edges.length, 2);
  await query.fetchMore({ variables: { first: 10, after: page().pageInfo.endCursor } });
  await until(() => page().edges.length > 2);
  assert.deepEqual(
    page().edges.map((edge: any) => edge.node.body),
    [...bodies, "from elsewhere"],
  );
});

test("live: one's own comment, which is heard as well, is there once", async () => {
  await logIn();
  const { id, bodies } = await thread(1);
  const client = apolloClient();
  const list = await followed(client, id);
  await client.mutate({ mutation: WriteComment, variables: { postId: id, body: "mine" }, update: addComment });
  await comment(id, "from elsewhere");
  await until(() => list.bodies().includes("from elsewhere"));
  assert.deepEqual(list.bodies(), [...bodies, "mine", "from elsewhere"]);
});

test("live: a socket that was cut goes on where it was, nothing lost and nothing twice", async () => {
  await logIn();
  const { id, bodies } = await thread(1);
  const client = apolloClient();
  const list = await followed(client, id);
  const heard = told(client, id, await present(id));
  await comment(id, "before");
  await until(() => heard.bodies.length === 1 && list.bodies().length === 2);
  const mend = cut();
  await comment(id, "meanwhile");
  await comment(id, "meanwhile too");
  mend();
  await until(() => heard.bodies.length === 3);
  await comment(id, "after");
  await until(() => heard.bodies.length >= 4 && list.bodies().length >= 5);
  assert.deepEqual(heard, { bodies: ["before", "meanwhile", "meanwhile too", "after"], error: undefined });
  assert.deepEqual(list.bodies(), [...bodies, ...heard.bodies]);
});

test("live: a socket has the rights of who opened it", async () => {
  await logIn();
  const id = await draft();
  const mine = told(apolloClient(), id, await present(id));
  await comment(id, "to myself");
  await until(() => mine.bodies.length === 1);
  session.end();
  const strangers = told(apolloClient(), id);
  await until(() => strangers.error !== undefined);
  assert.ok(CombinedGraphQLErrors.is(strangers.error));
  assert.equal(strangers.error.errors[0].extensions!.code, "NOT_FOUND");
});

test("live: a socket whose token has expired gets a new one", async () => {
  await logIn();
  const id = await draft();
  const after = await present(id);
  await comment(id, "to myself");
  await logInExpired();
  const heard = told(apolloClient(), id, after);
  await until(() => heard.bodies.length === 1);
  assert.equal(requests().filter((body) => body.includes("refreshTokens")).length, 1);
});

test("live: a session that has ended is an error, and not an endless renewal", async () => {
  await logIn();
  const { id } = await thread(0);
  await logOut(await logInExpired());
  const heard = told(apolloClient(), id);
  await until(() => heard.error !== undefined);
  assert.match(heard.error!.message, /The session is over/);
  assert.equal(requests().length, 1);
});
