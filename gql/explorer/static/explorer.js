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

// Dialogs and menus stop the page from scrolling by a style element, which the content security policy forbids:
// browsers would report even an empty one. This page never scrolls, so they get an element that does nothing.
const createElement = document.createElement.bind(document);
document.createElement = (name, ...options) => createElement(name === "style" ? "template" : name, ...options);

ReactDOM.createRoot(document.getElementById("explorer")).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: "/graphql" }),
    defaultQuery: FEED,
    // A token in a header stays out of the browser's storage.
    shouldPersistHeaders: false,
  }),
);
