// What the generated types know; tsc complains where a line below `@ts-expect-error` is none.

import type { ResultOf, VariablesOf } from "@graphql-typed-document-node/core";

import { graphql } from "./gql";

const Typed = graphql(`
  query Typed($id: ID!, $filter: PostFilter) {
    post(by: { id: $id }) { id title publishedAt status attributes author { id name role } }
    posts(first: 1, filter: $filter) { edges { cursor node { id } } pageInfo { endCursor hasNextPage } }
    node(id: $id) { __typename id ... on Comment { body } }
  }
`);

type Data = ResultOf<typeof Typed>;
type Variables = VariablesOf<typeof Typed>;

export const good: Variables = { id: "UG9zdDox", filter: { status: "PUBLISHED", createdAt: { since: "2026-01-01T00:00:00Z" } } };
// @ts-expect-error An id is text.
export const badId: Variables = { id: 1 };
// @ts-expect-error It has to be there.
export const noId: Variables = {};
// @ts-expect-error There is no such status.
export const badStatus: Variables = { id: "UG9zdDox", filter: { status: "LOST" } };
// @ts-expect-error A DateTime is text.
export const badMoment: Variables = { id: "UG9zdDox", filter: { createdAt: { since: new Date() } } };

export function read({ post, posts, node }: Data): unknown[] {
  // @ts-expect-error There may be no such post.
  const absent: string = post.title;
  // @ts-expect-error It may not be decided yet.
  const undecided: string = post!.publishedAt;
  // @ts-expect-error It may have any shape.
  const shape: string = post!.attributes.anything;
  // @ts-expect-error It was not asked for.
  const unasked: string = post!.slug;
  // @ts-expect-error Only comments have one here.
  const somebodys: string = node!.body;
  const moment: string | null = post!.publishedAt;
  const role: "ADMIN" | "EDITOR" | "USER" = post!.author.role;
  const cursor: string | null = posts.pageInfo.endCursor;
  const body: string | null = node?.__typename === "Comment" ? node.body : null;
  return [absent, undecided, shape, unasked, somebodys, moment, role, cursor, body];
}
