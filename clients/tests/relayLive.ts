// What Relay promises of live updates, over a socket.

import assert from "node:assert/strict";
import { test } from "node:test";

import { useLazyLoadQuery } from "react-relay";
import { ConnectionHandler, type GraphQLTaggedNode, requestSubscription } from "relay-runtime";

import { useComments, useLiveComments } from "./Comments";
import { relayEnvironment } from "./relay";
import * as cases from "./RelayCases";
import { bodies, rendered } from "./relayHooks";
import { session } from "./session";
import { call, comment, cut, draft, logIn, logInExpired, present, requests, requestsOf, thread, until } from "./world";

/** A post's comments as the component of the page has them, which are followed from right now on. */
async function followed(id: string) {
  const after = await present(id);
  const seen = await rendered(relayEnvironment(), () => {
    const { post } = useLazyLoadQuery<any>(cases.ThreadQuery, { id });
    const comments = useComments(post);
    useLiveComments(id, comments.list.data.comments.__id, after);
    return comments;
  });
  return { seen, bodies: () => bodies(seen.now.list.data) };
}

/** What is told, until there is an error. */
function told(subscription: GraphQLTaggedNode, variables: object, environment = relayEnvironment()) {
  const heard = { data: [] as any[], error: undefined as any };
  const { dispose } = requestSubscription<any>(environment, {
    subscription,
    variables,
    onNext: (data) => void heard.data.push(data),
    onError: (error) => (heard.error = error),
  });
  return { heard, dispose };
}

test("live: @appendEdge puts somebody's comment at the end, without a request", async () => {
  await logIn();
  const { id, bodies: expected } = await thread(2);
  const list = await followed(id);
  const heard = async () => {
    await comment(id, "from elsewhere");
    await until(() => list.bodies().length === 3);
  };
  assert.equal(await requestsOf(heard), 0);
  assert.deepEqual(list.bodies(), [...expected, "from elsewhere"]);
  await until(() => list.seen.now.list.data.all.totalCount === 3);
});

test("live: one's own comment, which is heard as well, is there once", async () => {
  await logIn();
  const { id, bodies: expected } = await thread(1);
  const { seen, bodies: shown } = await followed(id);
  const connections = [seen.now.list.data.comments.__id];
  seen.now.write({ variables: { input: { postId: id, body: "mine" }, connections } });
  await until(() => shown().includes("mine"));
  await comment(id, "from elsewhere");
  await until(() => shown().includes("from elsewhere"));
  assert.deepEqual(shown(), [...expected, "mine", "from elsewhere"]);
});

test("live: a socket that was cut goes on where it was, nothing lost and nothing twice", async () => {
  await logIn();
  const { id, bodies: expected } = await thread(1);
  const list = await followed(id);
  await comment(id, "before");
  await until(() => list.bodies().length === 2);
  const mend = cut();
  await comment(id, "meanwhile");
  await comment(id, "meanwhile too");
  mend();
  await until(() => list.bodies().length === 4);
  await comment(id, "after");
  await until(() => list.bodies().length >= 5);
  assert.deepEqual(list.bodies(), [...expected, "before", "meanwhile", "meanwhile too", "after"]);
});

test("live: @prependEdge puts what is published in front of the feed", async () => {
  await logIn();
  const id = await draft();
  const after = await present(id);
  const environment = relayEnvironment();
  const filter = { status: "PUBLISHED" };
  const feed = await rendered(environment, () =>
    useLazyLoadQuery<any>(cases.FeedQuery, { filter, count: 3 }).posts,
  );
  const ids = () => feed.now.edges.map((edge: any) => edge.node.id);
  const before = ids();
  const connections = [ConnectionHandler.getConnectionID("client:root", "RelayCasesFeed_posts", { filter })];
  const { dispose } = told(cases.PublishedSubscription, { filter, after, connections }, environment);
  await call(`mutation ($id: ID!) {publishPost(input: {id: $id}) {post {id}}}`, { id });
  await until(() => ids().length === 4);
  dispose();
  assert.deepEqual(ids(), [id, ...before]);
  assert.equal(requests().length, 1);
});

test("live: a changed post is changed wherever it is shown", async () => {
  await logIn();
  const { id } = await thread(0);
  const after = await present(id);
  const environment = relayEnvironment();
  const seen = await rendered(environment, () => useLazyLoadQuery<any>(cases.TitleQuery, { id }));
  const { dispose } = told(cases.UpdatedSubscription, { id, after }, environment);
  await call(`mutation ($id: ID!) {updatePost(input: {id: $id, title: "Theirs"}) {post {id}}}`, { id });
  await until(() => seen.now.post.title === "Theirs");
  dispose();
  assert.equal(requests().length, 1);
});

test("live: a socket has the rights of who opened it, also with a token that has to be renewed", async () => {
  await logIn();
  const id = await draft();
  const after = await present(id);
  await call(`mutation ($id: ID!) {updatePost(input: {id: $id, title: "Mine"}) {post {id}}}`, { id });
  await logInExpired();
  const mine = told(cases.UpdatedSubscription, { id, after });
  await until(() => mine.heard.data.length > 0);
  mine.dispose();
  session.end();
  const strangers = told(cases.UpdatedSubscription, { id });
  await until(() => strangers.heard.error !== undefined);
  assert.match(JSON.stringify(strangers.heard.error), /NOT_FOUND/);
});
