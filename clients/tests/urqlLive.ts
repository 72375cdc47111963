// What urql promises of live updates, over a socket and over a stream.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import type { Client, CombinedError } from "@urql/core";

import { Comments } from "./documents";
import { liveClient } from "./live";
import { eventsClient } from "./liveByEvents";
import { session } from "./session";
import { urqlClient } from "./urql";
import { CommentAdded, WriteComment } from "./urqlUpdates";
import { comment, cut, draft, logIn, logInExpired, logOut, present, requests, requestsOf, thread, until } from "./world";

const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A post's comments as they are shown. */
async function listed(client: Client, id: string) {
  let shown: any;
  const { unsubscribe } = client.query(Comments, { id, first: 10 }).subscribe(({ data }) => (shown = data));
  ends.push(unsubscribe);
  await until(() => shown !== undefined);
  const page = () => shown.post.comments;
  return { page, bodies: (): string[] => page().edges.map((edge: any) => edge.node.body) };
}

/** What is told of a post's comments. */
function told(client: Client, postId: string, after?: string) {
  const heard = { bodies: [] as (string | null)[], error: undefined as CombinedError | undefined };
  const { unsubscribe } = client.subscription(CommentAdded, { postId, after }).subscribe(({ data, error }) => {
    if (data) heard.bodies.push(data.commentAdded.commentEdge.node.body);
    heard.error ??= error;
  });
  ends.push(unsubscribe);
  return heard;
}

const refreshes = () => requests().filter((body) => body.includes("refreshTokens")).length;

const LIVES = { "graphql-ws": liveClient, "graphql-sse": eventsClient };
for (const [name, live] of Object.entries(LIVES)) {
  const client = () => urqlClient(live());

  test(`live, ${name}: somebody's comment goes to the end of the list, without a refetch`, async () => {
    await logIn();
    const { id, bodies } = await thread(2);
    const after = await present(id);
    const urql = client();
    const list = await listed(urql, id);
    const heard = async () => {
      told(urql, id, after);
      await comment(id, "from elsewhere");
      await until(() => list.bodies().length === 3);
    };
    assert.equal(await requestsOf(heard), live === eventsClient ? 1 : 0);
    assert.deepEqual(list.bodies(), [...bodies, "from elsewhere"]);
    assert.equal(list.page().totalCount, 3);
  });

  test(`live, ${name}: one's own comment, which is heard as well, is there once`, async () => {
    await logIn();
    const { id, bodies } = await thread(1);
    const after = await present(id);
    const urql = client();
    const list = await listed(urql, id);
    told(urql, id, after);
    await urql.mutation(WriteComment, { postId: id, body: "mine" }).toPromise();
    await comment(id, "from elsewhere");
    await until(() => list.bodies().includes("from elsewhere"));
    assert.deepEqual(list.bodies(), [...bodies, "mine", "from elsewhere"]);
  });

  test(`live, ${name}: what was cut goes on where it was, nothing lost and nothing twice`, async () => {
    await logIn();
    const { id, bodies } = await thread(1);
    const urql = client();
    const list = await listed(urql, id);
    const heard = told(urql, id, await present(id));
    await comment(id, "before");
    await until(() => heard.bodies.length === 1);
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

  test(`live, ${name}: a subscription has the rights of who is logged in`, async () => {
    await logIn();
    const id = await draft();
    const mine = told(client(), id, await present(id));
    await comment(id, "to myself");
    await until(() => mine.bodies.length === 1);
    session.end();
    const strangers = told(client(), id);
    await until(() => strangers.error !== undefined);
    assert.equal(strangers.error!.graphQLErrors[0].extensions.code, "NOT_FOUND");
  });

  test(`live, ${name}: an expired token is renewed`, async () => {
    await logIn();
    const id = await draft();
    const after = await present(id);
    await comment(id, "to myself");
    await logInExpired();
    const heard = told(client(), id, after);
    await until(() => heard.bodies.length === 1);
    assert.equal(refreshes(), 1);
  });

  test(`live, ${name}: a session that has ended is an error, and not an endless renewal`, async () => {
    await logIn();
    const { id } = await thread(0);
    await logOut(await logInExpired());
    const heard = told(client(), id);
    await until(() => heard.error !== undefined);
    assert.equal(refreshes(), 1);
  });
}
