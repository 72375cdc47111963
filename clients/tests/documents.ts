// What the tests of clients with typed documents ask.

import { graphql } from "./gql";

export const Comments = graphql(`
  query Comments($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
    post(by: { id: $id }) {
      id
      comments(first: $first, after: $after, last: $last, before: $before) {
        totalCount
        edges { cursor node { id body } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }
`);

export const PostsOf = graphql(`
  query PostsOf($filter: PostFilter, $first: Int!) {
    posts(filter: $filter, first: $first) { edges { node { id title } } }
  }
`);

export const PUBLISHED = { status: "PUBLISHED" } as const;

export const Anything = graphql(`
  query Anything($ids: [ID!]!) { nodes(ids: $ids) { __typename id ...Titled ...Named } }
`);
graphql(`fragment Titled on Post { id title author { id ...Named } }`);
export const Named = graphql(`fragment Named on Node { id ... on User { username } ... on Comment { body } }`);

export const Retitle = graphql(`
  mutation Retitle($id: ID!, $title: String!, $expectedVersion: Int) {
    updatePost(input: { id: $id, title: $title, expectedVersion: $expectedVersion }) {
      post { id title version }
      userErrors { code message path }
    }
  }
`);

export const Title = graphql(`query Title($id: ID!) { post(by: { id: $id }) { id title version } }`);
export const Partly = graphql(`query Partly($bad: ID!) { viewer { id username } node(id: $bad) { id } }`);
export const Viewer = graphql(`query Viewer { viewer { id username } }`);
