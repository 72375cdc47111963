"use strict";

const FEED = `# Welcome to Gazette. Ctrl-Enter runs this query.
# The book on the left explains every field.

query Feed {
  posts(first: 20) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      title
      excerpt
      publishedAt
      author {
        username
        name
      }
      comments(first: 3) {
        nodes {
          body
          author {
            username
          }
        }
      }
    }
  }
}
`;

ReactDOM.createRoot(document.getElementById("explorer")).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: "/graphql" }),
    defaultQuery: FEED,
    // A token in a header stays out of the browser's storage.
    shouldPersistHeaders: false,
  }),
);
