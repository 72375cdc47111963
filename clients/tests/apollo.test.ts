// What Apollo Client promises, with the lines of docs/clients.md.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterEach, test } from "node:test";

import {
  ApolloClient,
  CombinedGraphQLErrors,
  type ErrorPolicy,
  HttpLink,
  InMemoryCache,
  type ObservableQuery,
} from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";

import { apolloClient, typePolicies } from "./apollo";
import { addComment, WriteComment } from "./apolloComments";
import "./apolloLive";
import { dropPost, RemovePost } from "./apolloPosts";
import { Anything, Comments, Named, Partly, PostsOf, PUBLISHED, Retitle, Title, Viewer } from "./documents";
import { API } from "./session";
import {
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

/** Keep a query in use, as a component does, and wait until it is answered. */
async function used<T extends ObservableQuery<any, any>>(query: T): Promise<T> {
  query.subscribe(() => {});
  await until(() => !query.getCurrentResult().loading);
  return query;
}

/** Fetch another page, and wait until the query shows it. */
async function more(query: ObservableQuery<any, any>, variables: object): Promise<void> {
  await query.fetchMore({ variables });
  await until(() => !query.getCurrentResult().loading);
}

async function comments(client: ApolloClient, variables: { id: string; first?: number; last?: number }) {
  const query = await used(client.watchQuery({ query: Comments, variables }));
  const page = () => query.getCurrentResult().data!.post!.comments as any;
  return { query, page, bodies: () => page().edges.map((edge: any) => edge.node.body) };
}

afterEach(() => noComplaints());

test("a query is answered once, and then by the cache", async () => {
  const client = apolloClient();
  const ask = () => client.query({ query: PostsOf, variables: { first: 3 } });
  assert.equal(await requestsOf(ask), 1);
  assert.equal(await requestsOf(ask), 0);
  assert.equal((await ask()).data!.posts.edges.length, 3);
});

test("every connection of the schema has a policy, which knows what makes another list of it", () => {
  for (const { parent, field, args } of connections()) {
    const policy = (typePolicies as any)[parent].fields[field];
    assert.deepEqual(policy.keyArgs || [], args, `${parent}.${field}`);
  }
});

test("a list grows forward, complete and in order", async () => {
  await logIn();
  const { id, bodies } = await thread(25);
  const list = await comments(apolloClient(), { id, first: 10 });
  while (list.page().pageInfo.hasNextPage) {
    await more(list.query, { after: list.page().pageInfo.endCursor });
  }
  assert.deepEqual(list.bodies(), bodies);
  assert.equal(list.page().totalCount, 25);
  assert.equal(requests().length, 3);
});

test("a list grows backward, complete and in order", async () => {
  await logIn();
  const { id, bodies } = await thread(25);
  const list = await comments(apolloClient(), { id, last: 10 });
  assert.deepEqual(list.bodies(), bodies.slice(-10));
  while (list.page().pageInfo.hasPreviousPage) {
    await more(list.query, { before: list.page().pageInfo.startCursor });
  }
  assert.deepEqual(list.bodies(), bodies);
  assert.equal(requests().length, 3);
});

test("a list grows at both ends from its middle", async () => {
  await logIn();
  const { id, bodies } = await thread(12);
  const client = apolloClient();
  const ends = await call(
    `query ($id: ID!) {post(by: {id: $id}) {comments(first: 4) {pageInfo {endCursor}}}}`,
    { id },
  );
  const after = ends.post.comments.pageInfo.endCursor;
  const query = await used(client.watchQuery({ query: Comments, variables: { id, first: 4, after } }));
  const page = () => query.getCurrentResult().data!.post!.comments as any;
  await more(query, { after: page().pageInfo.endCursor, first: 4 });
  await more(query, { before: page().pageInfo.startCursor, last: 4, first: undefined, after: undefined });
  assert.deepEqual(page().edges.map((edge: any) => edge.node.body), bodies);
  assert.equal(page().pageInfo.hasNextPage, false);
});

test("each filter has a list of its own", async () => {
  const client = apolloClient();
  const of = async (username: string) => {
    const filter = { author: { username } };
    return (await client.query({ query: PostsOf, variables: { filter, first: 2 } })).data!.posts;
  };
  const [ada, ben] = [await of("ada"), await of("ben")];
  assert.notDeepEqual(ada, ben);
  assert.equal(await requestsOf(async () => assert.deepEqual(await of("ada"), ada)), 0);
});

test("a new comment's edge goes to the end of the list, without a refetch", async () => {
  await logIn();
  const { id, bodies } = await thread(3);
  const client = apolloClient();
  const list = await comments(client, { id, first: 10 });
  const write = () =>
    client.mutate({ mutation: WriteComment, variables: { postId: id, body: "new" }, update: addComment });
  assert.equal(await requestsOf(write), 1);
  assert.deepEqual(list.bodies(), [...bodies, "new"]);
  assert.equal(list.page().totalCount, 4);
});

test("a list goes on behind an edge that a mutation brought", async () => {
  await logIn();
  const { id, bodies } = await thread(2);
  const client = apolloClient();
  const list = await comments(client, { id, first: 10 });
  await client.mutate({ mutation: WriteComment, variables: { postId: id, body: "mine" }, update: addComment });
  await comment(id, "somebody else's");
  await more(list.query, { after: list.page().edges.at(-1).cursor });
  assert.deepEqual(list.bodies(), [...bodies, "mine", "somebody else's"]);
});

test("a changed post is changed wherever it is shown, without a refetch", async () => {
  await logIn();
  const { id } = await thread(0);
  const client = apolloClient();
  const title = await used(client.watchQuery({ query: Title, variables: { id } }));
  const feed = await used(client.watchQuery({ query: PostsOf, variables: { filter: PUBLISHED, first: 3 } }));
  const write = () => client.mutate({ mutation: Retitle, variables: { id, title: "Another" } });
  assert.equal(await requestsOf(write), 1);
  assert.equal(title.getCurrentResult().data!.post!.title, "Another");
  const shown = feed.getCurrentResult().data!.posts!.edges!.find((edge) => edge!.node!.id === id);
  assert.equal(shown!.node!.title, "Another");
});

test("a deleted post leaves every list, without a refetch", async () => {
  await logIn();
  const { id } = await thread(1);
  const client = apolloClient();
  const feed = await used(client.watchQuery({ query: PostsOf, variables: { filter: PUBLISHED, first: 3 } }));
  const ids = () => feed.getCurrentResult().data!.posts!.edges!.map((edge) => edge!.node!.id);
  assert.ok(ids().includes(id));
  assert.equal(
    await requestsOf(() => client.mutate({ mutation: RemovePost, variables: { id }, update: dropPost })),
    1,
  );
  assert.deepEqual([ids().length, ids().includes(id)], [2, false]);
});

test("fragments on Node match what has an id, in the order that was asked for", async () => {
  await logIn();
  const { id, comments } = await thread(1);
  const client = apolloClient();
  const ids = [comments[0], "UG9zdDo5OTk5OTk5OTk", id];
  const { data } = await client.query({ query: Anything, variables: { ids } });
  assert.deepEqual(data!.nodes.map((node) => node?.__typename), ["Comment", undefined, "Post"]);
  const post = data!.nodes[2] as { title: string; author: { username: string } };
  assert.deepEqual([post.title, post.author.username], ["A thread", "ada"]);
  const read = client.readFragment({ id: `Comment:${comments[0]}`, fragment: Named });
  assert.deepEqual(read, { __typename: "Comment", id: comments[0], body: "comment 1" });
});

test("an id of the cache is the id of the server", async () => {
  const client = apolloClient();
  const { data } = await client.query({ query: PostsOf, variables: { first: 1 } });
  const { id, title } = data!.posts.edges[0].node;
  assert.equal(client.cache.identify({ __typename: "Post", id }), `Post:${id}`);
  assert.equal((client.cache.extract() as any)[`Post:${id}`].title, title);
});

const POLICIES: [ErrorPolicy, boolean, boolean][] = [
  ["none", false, true],
  ["all", true, true],
  ["ignore", true, false],
];

for (const [errorPolicy, hasData, hasError] of POLICIES) {
  test(`errorPolicy ${errorPolicy}: a field that fails`, async () => {
    await logIn();
    const query = await used(
      apolloClient().watchQuery({ query: Partly, variables: { bad: "nonsense" }, errorPolicy }),
    );
    const { data, error } = query.getCurrentResult();
    assert.equal(data?.viewer?.username, hasData ? "ada" : undefined);
    if (hasError) {
      assert.ok(CombinedGraphQLErrors.is(error));
      assert.deepEqual(error.errors.map(({ path, extensions }) => [path, extensions!.code]), [
        [["node"], "BAD_USER_INPUT"],
      ]);
    } else {
      assert.equal(error, undefined);
    }
  });

  test(`errorPolicy ${errorPolicy}: userErrors are data`, async () => {
    await logIn();
    const { id } = await thread(0);
    const { data, error } = await apolloClient().mutate({
      mutation: Retitle,
      variables: { id, title: "" },
      errorPolicy,
    });
    assert.equal(error, undefined);
    assert.deepEqual(data!.updatePost.userErrors.map(({ code, path }) => [code, path]), [
      ["INVALID", ["input", "title"]],
    ]);
  });
}

test("a document that is not valid is an error with its code", async () => {
  const client = apolloClient();
  await assert.rejects(
    client.query({ query: Partly, variables: {} as { bad: string } }),
    (error) => CombinedGraphQLErrors.is(error) && error.errors[0].extensions!.code === "BAD_USER_INPUT",
  );
});

test("an optimistic update is shown at once, and then the server's", async () => {
  await logIn();
  const { id } = await thread(0);
  const client = apolloClient();
  const shown: (string | undefined)[] = [];
  const query = client.watchQuery({ query: Title, variables: { id } });
  query.subscribe(({ data }) => data && shown.push(data.post?.title));
  await used(query);
  await client.mutate({
    mutation: Retitle,
    variables: { id, title: "  Tidied up  " },
    optimisticResponse: {
      updatePost: { post: { id, title: "Optimistic", version: 0, __typename: "Post" }, userErrors: [] },
    } as never,
  });
  await until(() => shown.at(-1) === "Tidied up");
  assert.deepEqual([...new Set(shown)], ["A thread", "Optimistic", "Tidied up"]);
});

test("an optimistic update that is refused is taken back, and shows the conflict's version", async () => {
  await logIn();
  const { id } = await thread(0);
  const client = apolloClient();
  const query = await used(client.watchQuery({ query: Title, variables: { id } }));
  const { version } = query.getCurrentResult().data!.post as { version: number };
  await call(`mutation ($id: ID!) {updatePost(input: {id: $id, title: "Theirs"}) {post {id}}}`, { id });
  const { data } = await client.mutate({
    mutation: Retitle,
    variables: { id, title: "Mine", expectedVersion: version },
    optimisticResponse: {
      updatePost: { post: { id, title: "Mine", version: version + 1, __typename: "Post" }, userErrors: [] },
    } as never,
  });
  assert.equal(data!.updatePost.userErrors[0].code, "CONFLICT");
  assert.equal(query.getCurrentResult().data!.post!.title, "Theirs");
});

test("an expired token is renewed, once for all who wait", async () => {
  await logInExpired();
  const client = apolloClient();
  const [viewer, posts] = await Promise.all([
    client.query({ query: Viewer }),
    client.query({ query: PostsOf, variables: { first: 1 } }),
  ]);
  assert.equal(viewer.data!.viewer!.username, "ada");
  assert.equal(posts.data!.posts.edges.length, 1);
  assert.equal(requests().filter((body) => body.includes("refreshTokens")).length, 1);
  assert.equal(requests().length, 5);
});

test("a mutation that met an expired token is done once", async () => {
  await logIn();
  const { id } = await thread(0);
  await logInExpired();
  const client = apolloClient();
  await client.mutate({ mutation: WriteComment, variables: { postId: id, body: "once" } });
  const data = await call(`query ($id: ID!) {post(by: {id: $id}) {comments {totalCount}}}`, { id });
  assert.equal(data.post.comments.totalCount, 1);
});

test("a session that has ended is an error, and not an endless renewal", async () => {
  const tokens = await logInExpired();
  await logOut(tokens);
  await assert.rejects(
    apolloClient().query({ query: Viewer }),
    (error) => CombinedGraphQLErrors.is(error) && error.errors[0].extensions!.code === "UNAUTHENTICATED",
  );
  assert.equal(requests().length, 2);
});

test("a query that is aborted is not answered, and the client goes on", async () => {
  const client = apolloClient();
  const release = hold();
  const abort = new AbortController();
  const asked = client.query({
    query: PostsOf,
    variables: { first: 100 },
    context: { fetchOptions: { signal: abort.signal } },
  });
  await until(() => requests().length === 1);
  abort.abort();
  release();
  await assert.rejects(asked, { name: "AbortError" });
  assert.deepEqual(client.cache.extract(), {});
  assert.equal((await client.query({ query: PostsOf, variables: { first: 2 } })).data!.posts.edges.length, 2);
});

test("automatic persisted queries: a document is sent once, and then its hash by GET", async () => {
  const sha256 = (document: string) => createHash("sha256").update(document).digest("hex");
  const client = () =>
    new ApolloClient({
      cache: new InMemoryCache(),
      link: new PersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(new HttpLink({ uri: API })),
    });
  const ask = async () => (await client().query({ query: PostsOf, variables: { first: 2 } })).data!.posts.edges;
  const first = await ask();
  assert.equal(first.length, 2);
  const hasDocument = () => requests().filter((sent) => sent.includes("PostsOf($filter")).length;
  assert.equal(hasDocument(), 1);
  assert.deepEqual(await ask(), first);
  // Without Redis each process keeps its own, and is sent the document once more where it has not.
  const most = Number(process.env.WORKERS);
  assert.ok(hasDocument() <= most, `it was sent ${hasDocument()} times to ${most}`);
});
