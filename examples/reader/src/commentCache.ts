// A post's comments in the cache: pages that are read, and what is written meanwhile, here or elsewhere.

import type { ApolloCache, FieldPolicy, Reference } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";

import { graphql } from "./gql";
import type { NewCommentFragment } from "./gql/graphql";

graphql(`
  fragment CommentParts on Comment {
    id
    body
    version
    createdAt
    updatedAt
    viewerCanUpdate
    author { id username name }
    parent { id }
  }
`);

graphql(`
  fragment NewComment on CommentEdge {
    cursor
    node { ...CommentParts post { id comments { totalCount } } }
  }
`);

type Edges = { edges: { cursor: string; node: Reference }[] };

const pages = relayStylePagination();
const put = pages.merge as Exclude<typeof pages.merge, boolean | undefined>;

/** What came live stands at the end of the list. It is still there when the next page has been put before it. */
export const pagesOfComments: FieldPolicy = {
  ...pages,
  merge(existing: any, incoming: any, options: any) {
    const merged: any = put(existing, incoming, options);
    if (!options.args?.after) return merged;
    const edges = new Map([...merged.edges, ...(existing?.edges ?? [])].map((edge) => [edge.node.__ref, edge]));
    return { ...merged, edges: [...edges.values()] };
  },
};

/** Put a new comment at the end of its post's, unless it is there: one's own are heard as well. */
export function append(cache: ApolloCache, edge: NewCommentFragment): void {
  const node = cache.identify(edge.node)!;
  cache.modify<{ comments: Edges }>({
    id: cache.identify(edge.node.post),
    fields: {
      comments: (existing, { toReference }) =>
        "edges" in existing && !existing.edges.some((known) => known.node.__ref === node)
          ? { ...existing, edges: [...existing.edges, { ...edge, node: toReference(node)! }] }
          : existing,
    },
  });
}
