// What a first visit shows, a tab each.

export const FEED = `# Welcome to Gazette. Ctrl-Enter runs this query.
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

export const PUBLISHED = `# Ctrl-Enter begins to follow, and the same button ends it.
# Publish a post in another window: this one shows it.

subscription Published {
  postPublished {
    eventId
    post {
      title
      publishedAt
      author {
        username
        name
      }
    }
  }
}
`;
