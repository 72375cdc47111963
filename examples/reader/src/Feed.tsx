import { useQuery } from "@apollo/client/react";
import { useEffect, useLayoutEffect, useRef, useState } from "react";

import { Byline, count, Tags } from "./Byline";
import { graphql } from "./gql";
import type { FeedQuery } from "./gql/graphql";
import { Loading, Problem } from "./problems";
import { linkTo } from "./route";
import { useLast } from "./viewer";

const Posts = graphql(`
  query Feed($first: Int!, $after: String) {
    posts(
      first: $first
      after: $after
      filter: { status: PUBLISHED }
      orderBy: { field: PUBLISHED_AT, direction: DESC }
    ) {
      totalCount
      edges {
        cursor
        node {
          id
          slug
          title
          excerpt
          publishedAt
          author { id username name }
          tags(first: 5) { nodes { id name } }
          comments { totalCount }
        }
      }
      pageInfo { endCursor hasNextPage }
    }
  }
`);

/** How far down the list was when a post was opened: whoever comes back is there again. */
let left = 0;

export function Feed() {
  const query = useQuery(Posts, { variables: { first: 20 } });
  const posts = useLast(query.data)?.posts;

  useLayoutEffect(() => {
    document.title = "Gazette";
    window.scrollTo(0, left);
    const remember = () => void (left = window.scrollY);
    window.addEventListener("scroll", remember);
    return () => window.removeEventListener("scroll", remember);
  }, []);

  if (!posts && query.error) return <Problem error={query.error} onRetry={() => query.refetch()} />;
  if (!posts) return <Loading what="posts" blocks={4} />;
  if (!posts.edges.length) return <p className="state">Nothing has been published yet.</p>;
  const { endCursor, hasNextPage } = posts.pageInfo;
  return (
    <>
      <h1 className="unseen">Posts</h1>
      <div className="feed">
        {posts.edges.map(({ node }) => <Teaser key={node.id} post={node} />)}
      </div>
      {hasNextPage ? (
        // Another cursor makes another button, which looks anew whether it is seen.
        <More key={endCursor} onMore={() => query.fetchMore({ variables: { after: endCursor } })} />
      ) : (
        <p className="end">That is all: {count(posts.edges.length, "post")}.</p>
      )}
    </>
  );
}

type Post = FeedQuery["posts"]["edges"][number]["node"];

function Teaser({ post }: { post: Post }) {
  return (
    <article>
      <Tags names={post.tags.nodes.map(({ name }) => name)} />
      <h2><a href={linkTo(post.slug)}>{post.title}</a></h2>
      {/* Its first paragraph; the rest of an excerpt is Markdown that may be cut anywhere. */}
      <p className="excerpt">{post.excerpt.split("\n\n")[0]}</p>
      <p className="meta">
        <Byline {...post} /> · <span>{count(post.comments.totalCount, "comment")}</span>
      </p>
    </article>
  );
}

/** A button that presses itself when it comes into sight. */
function More({ onMore }: { onMore: () => Promise<unknown> }) {
  const button = useRef<HTMLButtonElement>(null);
  const [error, setError] = useState<Error | null>(null);
  const press = () => (setError(null), onMore().catch(setError));
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && button.current?.click(), {
      rootMargin: "800px",
    });
    observer.observe(button.current!);
    return () => observer.disconnect();
  }, []);
  if (error) return <Problem error={error} onRetry={press} />;
  return <button ref={button} className="quiet more" onClick={press}>More posts</button>;
}
