// What Relay promises, with the lines of docs/clients.md: its hooks, in React without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fetchQuery, useFragment, useLazyLoadQuery, usePaginationFragment, useRefetchableFragment } from "react-relay";
import { ConnectionHandler, type Environment, type GraphQLTaggedNode } from "relay-runtime";

import { relayEnvironment } from "./relay";
import * as cases from "./RelayCases";
import { ask, bodies, listed, mutate, rendered } from "./relayHooks";
import "./relayLive";
import {
  abortions,
  call,
  comment,
  connections,
  hold,
  logIn,
  logInExpired,
  logOut,
  requests,
  requestsOf,
  thread,
  until,
} from "./world";

const paged = (environment: Environment, query: GraphQLTaggedNode, variables: object, fragment: GraphQLTaggedNode) =>
  rendered(environment, () => {
    const { post } = useLazyLoadQuery<any>(query, variables);
    return usePaginationFragment<any, any>(fragment, post);
  });

test("usePaginationFragment goes forward, complete and in order", async () => {
  await logIn();
  const { id, bodies: expected } = await thread(25);
  const seen = await listed(relayEnvironment(), id);
  while (seen.now.list.hasNext) {
    const before = bodies(seen.now.list.data).length;
    seen.now.list.loadNext(10);
    await until(() => bodies(seen.now.list.data).length > before && !seen.now.list.isLoadingNext);
  }
  assert.deepEqual(bodies(seen.now.list.data), expected);
  assert.equal(seen.now.list.data.all.totalCount, 25);
  assert.equal(requests().length, 3);
});

test("usePaginationFragment goes backward, complete and in order", async () => {
  await logIn();
  const { id, bodies: expected } = await thread(25);
  const seen = await paged(relayEnvironment(), cases.BackwardQuery, { id }, cases.backward);
  assert.deepEqual(bodies(seen.now.data), expected.slice(-10));
  while (seen.now.hasPrevious) {
    const before = bodies(seen.now.data).length;
    seen.now.loadPrevious(10);
    await until(() => bodies(seen.now.data).length > before && !seen.now.isLoadingPrevious);
  }
  assert.deepEqual(bodies(seen.now.data), expected);
  assert.equal(requests().length, 3);
});

test("usePaginationFragment goes both ways from the middle", async () => {
  await logIn();
  const { id, bodies: expected } = await thread(12);
  const before = await call(
    `query ($id: ID!) {post(by: {id: $id}) {comments(first: 4) {pageInfo {endCursor}}}}`,
    { id },
  );
  const variables = { id, first: 4, after: before.post.comments.pageInfo.endCursor };
  const seen = await paged(relayEnvironment(), cases.MiddleQuery, variables, cases.middle);
  assert.deepEqual([seen.now.hasPrevious, seen.now.hasNext], [true, true]);
  seen.now.loadNext(4);
  await until(() => bodies(seen.now.data).length === 8 && !seen.now.isLoadingNext);
  seen.now.loadPrevious(4);
  await until(() => bodies(seen.now.data).length === 12 && !seen.now.isLoadingPrevious);
  assert.deepEqual(bodies(seen.now.data), expected);
  assert.deepEqual([seen.now.hasPrevious, seen.now.hasNext], [false, false]);
});

test("a list that is refetched begins anew", async () => {
  await logIn();
  const { id, bodies: expected } = await thread(3);
  const seen = await listed(relayEnvironment(), id);
  await comment(id, "somebody else's");
  seen.now.list.refetch({}, { fetchPolicy: "network-only" });
  await until(() => bodies(seen.now.list.data).length === 4);
  assert.deepEqual(bodies(seen.now.list.data), [...expected, "somebody else's"]);
});

test("@appendEdge puts a new comment at the end, without a refetch", async () => {
  await logIn();
  const { id, bodies: expected } = await thread(3);
  const seen = await listed(relayEnvironment(), id);
  const connections = [seen.now.list.data.comments.__id];
  seen.now.write({ variables: { input: { postId: id, body: "new" }, connections } });
  await until(() => bodies(seen.now.list.data).length === 4);
  assert.deepEqual(bodies(seen.now.list.data), [...expected, "new"]);
  await until(() => seen.now.list.data.all.totalCount === 4);
  assert.equal(requests().length, 2);
});

test("a list goes on behind an edge that a mutation brought", async () => {
  await logIn();
  const { id, bodies: expected } = await thread(12);
  const seen = await listed(relayEnvironment(), id);
  const connections = [seen.now.list.data.comments.__id];
  seen.now.list.loadNext(2);
  await until(() => bodies(seen.now.list.data).length === 12 && !seen.now.list.isLoadingNext);
  seen.now.write({ variables: { input: { postId: id, body: "mine" }, connections } });
  await until(() => bodies(seen.now.list.data).length === 13);
  await comment(id, "somebody else's");
  seen.now.list.refetch({}, { fetchPolicy: "network-only" });
  await until(() => bodies(seen.now.list.data).length === 10);
  seen.now.list.loadNext(10);
  await until(() => bodies(seen.now.list.data).length === 14);
  assert.deepEqual(bodies(seen.now.list.data), [...expected, "mine", "somebody else's"]);
});

test("@deleteEdge takes a deleted comment away, without a refetch", async () => {
  await logIn();
  const { id, comments } = await thread(3);
  const seen = await listed(relayEnvironment(), id);
  const connections = [seen.now.list.data.comments.__id];
  seen.now.remove({ variables: { input: { id: comments[1] }, connections } });
  await until(() => bodies(seen.now.list.data).length === 2);
  assert.deepEqual(bodies(seen.now.list.data), ["comment 1", "comment 3"]);
  assert.equal(requests().length, 2);
});

test("@prependEdge puts a published post in front of the feed, and @deleteEdge takes it away", async () => {
  await logIn();
  const environment = relayEnvironment();
  const filter = { status: "PUBLISHED" };
  const feed = await rendered(environment, () =>
    useLazyLoadQuery<any>(cases.FeedQuery, { filter, count: 3 }).posts,
  );
  const titles = () => feed.now.edges.map((edge: any) => edge.node.title);
  const before = titles();
  const made = await call(`mutation {createPost(input: {title: "Hot off the press", body: "…"}) {post {id}}}`);
  const { id } = made.createPost.post;
  const connections = [feed.now.__id];
  assert.deepEqual(connections, [ConnectionHandler.getConnectionID("client:root", "RelayCasesFeed_posts", { filter })]);
  await mutate(environment, cases.PublishMutation, { input: { id }, connections });
  await until(() => titles().length === 4);
  assert.deepEqual(titles(), ["Hot off the press", ...before]);
  await mutate(environment, cases.DeletePostMutation, { input: { id }, connections });
  await until(() => titles().length === 3);
  assert.deepEqual(titles(), before);
  assert.equal(requests().length, 3);
});

test("@deleteRecord leaves nothing of a deleted post", async () => {
  await logIn();
  const { id } = await thread(0);
  const environment = relayEnvironment();
  const seen = await rendered(environment, () => useLazyLoadQuery<any>(cases.TitleQuery, { id }));
  await mutate(environment, cases.DropPostMutation, { input: { id } });
  await until(() => seen.now.post === null);
  assert.equal(environment.getStore().getSource().get(id), null);
});

test("a changed post is changed wherever it is shown, without a refetch", async () => {
  await logIn();
  const { id } = await thread(0);
  const environment = relayEnvironment();
  const seen = await rendered(environment, () => useLazyLoadQuery<any>(cases.TitleQuery, { id }));
  const write = () => mutate(environment, cases.RetitleMutation, { input: { id, title: "Another" } });
  assert.equal(await requestsOf(write), 1);
  await until(() => seen.now.post.title === "Another");
});

async function oneOfEach(): Promise<Record<string, string>> {
  const { id: Post, comments } = await thread(1);
  const data = await call(
    `{viewer {id sessions(last: 1) {nodes {id}}} tags(first: 1) {nodes {id}}}`,
  );
  const { id: User, sessions } = data.viewer;
  return { Comment: comments[0], Post, Tag: data.tags.nodes[0].id, User, Session: sessions.nodes[0].id };
}

for (const [name, fragment] of Object.entries(cases.fragments)) {
  test(`@refetchable asks for a ${name} by its id`, async () => {
    await logIn();
    const ids = [(await oneOfEach())[name]];
    const seen = await rendered(relayEnvironment(), () => {
      const [found] = useLazyLoadQuery<any>(cases.NodesQuery, { ids }).nodes;
      const [data, refetch] = useRefetchableFragment<any, any>(fragment, found[name.toLowerCase()]);
      return { data, refetch, typename: found.__typename };
    });
    assert.equal(seen.now.typename, name);
    const before = seen.now.data;
    const { refetch } = seen.now;
    assert.equal(await requestsOf(async () => void refetch({}, { fetchPolicy: "network-only" })), 1);
    await until(() => seen.now.data !== before);
    assert.deepEqual(Object.keys(seen.now.data), Object.keys(before));
    assert.ok(requests().at(-1)!.includes("node(id: $id)"));
  });
}

test("fragments on Node match what has an id, in the order that was asked for", async () => {
  await logIn();
  const { Post, Comment, Tag } = await oneOfEach();
  const seen = await rendered(relayEnvironment(), () => {
    const { nodes } = useLazyLoadQuery<any>(cases.NodesQuery, { ids: [Comment, "UG9zdDo5OTk5OTk5OTk", Post, Tag] });
    const [first, , third, last] = nodes;
    const read = [useFragment(cases.node, first), useFragment(cases.node, third), useFragment(cases.node, last)];
    return { nodes, read: read as any[] };
  });
  assert.deepEqual(seen.now.nodes.map((node: any) => node?.__typename), ["Comment", undefined, "Post", "Tag"]);
  assert.deepEqual(seen.now.read, [{ id: Comment, body: "comment 1" }, { id: Post, title: "A thread" }, { id: Tag }]);
});

test("every connection of the schema can be one of Relay's", async () => {
  await logIn();
  const asked = new Set<string>();
  for (const { parent, field } of connections()) {
    asked.add(parent === "Query" ? `RelayCases_${field}` : `RelayCases${parent}_${field}`);
  }
  const environment = relayEnvironment();
  const data = await ask(environment, cases.EveryConnectionQuery);
  assert.equal(data.users.edges[0].node.username, "ada");
  const kept = JSON.stringify(environment.getStore().getSource().toJSON());
  const found = new Set([...kept.matchAll(/__(RelayCases\w*)_connection/g)].map(([, key]) => key));
  assert.deepEqual([...found].sort(), [...asked].sort());
});

test("a field that fails is null", async () => {
  await logIn();
  const data = await ask(relayEnvironment(), cases.PartlyQuery, { bad: "nonsense" });
  assert.deepEqual([data.viewer.username, data.node], ["ada", null]);
});

test("@throwOnFieldError throws instead", async () => {
  await logIn();
  await assert.rejects(ask(relayEnvironment(), cases.StrictQuery, { bad: "nonsense" }), /Unexpected response payload/);
});

test("userErrors are data", async () => {
  await logIn();
  const { id } = await thread(0);
  const { updatePost } = await mutate(relayEnvironment(), cases.RetitleMutation, { input: { id, title: "" } });
  assert.deepEqual(updatePost, { post: null, userErrors: [{ code: "INVALID", path: ["input", "title"] }] });
});

test("an optimistic update is shown at once, and then the server's", async () => {
  await logIn();
  const { id } = await thread(0);
  const environment = relayEnvironment();
  const titles = new Set<string>();
  await rendered(environment, () => {
    const { post } = useLazyLoadQuery<any>(cases.TitleQuery, { id });
    titles.add(post.title);
    return post;
  });
  const optimisticResponse = { updatePost: { post: { id, title: "Optimistic", version: 0 }, userErrors: [] } };
  const release = hold();
  const written = mutate(environment, cases.RetitleMutation, { input: { id, title: "Real" } }, { optimisticResponse });
  await until(() => titles.has("Optimistic"));
  release();
  await written;
  await until(() => titles.size === 3);
  assert.deepEqual([...titles], ["A thread", "Optimistic", "Real"]);
});

test("an optimistic update that is refused is taken back, and shows the conflict's version", async () => {
  await logIn();
  const { id } = await thread(0);
  const environment = relayEnvironment();
  const seen = await rendered(environment, () => useLazyLoadQuery<any>(cases.TitleQuery, { id }));
  const { version } = seen.now.post;
  await call(`mutation ($id: ID!) {updatePost(input: {id: $id, title: "Theirs"}) {post {id}}}`, { id });
  const optimisticResponse = { updatePost: { post: { id, title: "Mine", version: version + 1 }, userErrors: [] } };
  const input = { id, title: "Mine", expectedVersion: version };
  const refused = await mutate(environment, cases.RetitleMutation, { input }, { optimisticResponse });
  assert.equal(refused.updatePost.userErrors[0].code, "CONFLICT");
  await until(() => seen.now.post.title === "Theirs");
});

test("an expired token is renewed, once for all who wait", async () => {
  await logInExpired();
  const environment = relayEnvironment();
  const [viewer, feed] = await Promise.all([
    ask(environment, cases.ViewerQuery),
    ask(environment, cases.FeedQuery, { count: 3 }),
  ]);
  assert.equal(viewer.viewer.username, "ada");
  assert.equal(feed.posts.edges.length, 3);
  assert.equal(requests().filter((body) => body.includes("refreshTokens")).length, 1);
  assert.equal(requests().length, 5);
});

test("a session that has ended is an error, and not an endless renewal", async () => {
  await logOut(await logInExpired());
  await assert.rejects(ask(relayEnvironment(), cases.ViewerQuery), /access token/);
  assert.equal(requests().length, 2);
});

test("a query that nobody waits for is aborted", async () => {
  const release = hold();
  const { unsubscribe } = fetchQuery<any>(relayEnvironment(), cases.FeedQuery, { count: 100 }).subscribe({});
  await until(() => requests().length === 1);
  unsubscribe();
  release();
  assert.equal(abortions(), 1);
});
