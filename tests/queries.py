"""What front ends send."""

FEED = """
query Feed($first: Int) {
  posts(first: $first) {
    nodes {
      id title excerpt publishedAt
      author { id username name }
      comments(first: 3) { nodes { id body author { id username } } }
    }
  }
}
"""
