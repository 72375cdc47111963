// What Relay compiles for the tests: lists in both directions, every type by its id, and the directives of mutations.

import { graphql } from "react-relay";

export const ThreadQuery = graphql`
  query RelayCasesThreadQuery($id: ID!) {
    post(by: { id: $id }) { ...Comments_post }
  }
`;

export const BackwardQuery = graphql`
  query RelayCasesBackwardQuery($id: ID!) {
    post(by: { id: $id }) { ...RelayCases_backward }
  }
`;

export const backward = graphql`
  fragment RelayCases_backward on Post
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" })
  @refetchable(queryName: "RelayCasesBackwardPageQuery") {
    comments(last: $count, before: $cursor) @connection(key: "RelayCasesBackward_comments") {
      edges { node { id body } }
    }
  }
`;

export const MiddleQuery = graphql`
  query RelayCasesMiddleQuery($id: ID!, $first: Int, $after: String) {
    post(by: { id: $id }) { ...RelayCases_middle @arguments(first: $first, after: $after) }
  }
`;

export const middle = graphql`
  fragment RelayCases_middle on Post
  @argumentDefinitions(
    first: { type: "Int" }
    after: { type: "String" }
    last: { type: "Int" }
    before: { type: "String" }
  )
  @refetchable(queryName: "RelayCasesMiddlePageQuery") {
    comments(first: $first, after: $after, last: $last, before: $before)
      @connection(key: "RelayCasesMiddle_comments") {
      edges { node { id body } }
    }
  }
`;

export const FeedQuery = graphql`
  query RelayCasesFeedQuery($filter: PostFilter, $count: Int, $cursor: String) {
    posts(filter: $filter, first: $count, after: $cursor) @connection(key: "RelayCasesFeed_posts") {
      __id
      edges { node { id title } }
    }
  }
`;

export const EveryConnectionQuery = graphql`
  query RelayCasesEveryConnectionQuery {
    posts(first: 1, filter: { status: PUBLISHED }) @connection(key: "RelayCases_posts") {
      edges {
        node {
          comments(first: 1) @connection(key: "RelayCasesPost_comments") {
            edges {
              node { replies(first: 1) @connection(key: "RelayCasesComment_replies") { edges { node { id } } } }
            }
          }
          tags(first: 1) @connection(key: "RelayCasesPost_tags") { edges { node { id } } }
        }
      }
    }
    tags(first: 1) @connection(key: "RelayCases_tags") {
      edges { node { posts(first: 1) @connection(key: "RelayCasesTag_posts") { edges { node { id } } } } }
    }
    users(first: 1, orderBy: { field: USERNAME, direction: ASC }) @connection(key: "RelayCases_users") {
      edges {
        node {
          username
          comments(first: 1) @connection(key: "RelayCasesUser_comments") { edges { node { id } } }
          posts(first: 1) @connection(key: "RelayCasesUser_posts") { edges { node { id } } }
          sessions(first: 1) @connection(key: "RelayCasesUser_sessions") { edges { node { id } } }
        }
      }
    }
  }
`;

export const NodesQuery = graphql`
  query RelayCasesNodesQuery($ids: [ID!]!) {
    nodes(ids: $ids) {
      __typename
      ...RelayCases_comment @alias(as: "comment")
      ...RelayCases_post @alias(as: "post")
      ...RelayCases_tag @alias(as: "tag")
      ...RelayCases_user @alias(as: "user")
      ...RelayCases_session @alias(as: "session")
      ...RelayCases_node
    }
  }
`;

export const node = graphql`
  fragment RelayCases_node on Node { id ... on Post { title } ... on Comment { body } }
`;

export const fragments = {
  Comment: graphql`
    fragment RelayCases_comment on Comment @refetchable(queryName: "RelayCasesCommentQuery") { body updatedAt }
  `,
  Post: graphql`
    fragment RelayCases_post on Post @refetchable(queryName: "RelayCasesPostQuery") { title updatedAt }
  `,
  Tag: graphql`
    fragment RelayCases_tag on Tag @refetchable(queryName: "RelayCasesTagQuery") { name slug }
  `,
  User: graphql`
    fragment RelayCases_user on User @refetchable(queryName: "RelayCasesUserQuery") { username updatedAt }
  `,
  Session: graphql`
    fragment RelayCases_session on Session @refetchable(queryName: "RelayCasesSessionQuery") { lastUsedAt isCurrent }
  `,
};

export const PublishMutation = graphql`
  mutation RelayCasesPublishMutation($input: PublishPostInput!, $connections: [ID!]!) {
    publishPost(input: $input) {
      postEdge @prependEdge(connections: $connections) { cursor node { id title } }
      userErrors { code }
    }
  }
`;

export const DeletePostMutation = graphql`
  mutation RelayCasesDeletePostMutation($input: DeletePostInput!, $connections: [ID!]!) {
    deletePost(input: $input) {
      deletedPostId @deleteEdge(connections: $connections)
      userErrors { code }
    }
  }
`;

export const DropPostMutation = graphql`
  mutation RelayCasesDropPostMutation($input: DeletePostInput!) {
    deletePost(input: $input) {
      deletedPostId @deleteRecord
      userErrors { code }
    }
  }
`;

export const RetitleMutation = graphql`
  mutation RelayCasesRetitleMutation($input: UpdatePostInput!) {
    updatePost(input: $input) {
      post { id title version }
      userErrors { code path }
    }
  }
`;

export const TitleQuery = graphql`
  query RelayCasesTitleQuery($id: ID!) { post(by: { id: $id }) { id title version } }
`;

export const ViewerQuery = graphql`
  query RelayCasesViewerQuery { viewer { id username } }
`;

export const PartlyQuery = graphql`
  query RelayCasesPartlyQuery($bad: ID!) { viewer { id username } node(id: $bad) { id } }
`;

export const StrictQuery = graphql`
  query RelayCasesStrictQuery($bad: ID!) @throwOnFieldError { viewer { id username } node(id: $bad) { id } }
`;

export const PublishedSubscription = graphql`
  subscription RelayCasesPublishedSubscription($filter: PostFilter, $after: ID, $connections: [ID!]!) {
    postPublished(filter: $filter, after: $after) {
      eventId
      postEdge @prependEdge(connections: $connections) { cursor node { id title } }
    }
  }
`;

export const UpdatedSubscription = graphql`
  subscription RelayCasesUpdatedSubscription($id: ID!, $after: ID) {
    postUpdated(id: $id, after: $after) { eventId post { id title version } }
  }
`;
