import { useQuery } from "@apollo/client/react";
import Markdown from "markdown-to-jsx/react";
import { useEffect, useRef, useState } from "react";

import { Byline, Tags } from "./Byline";
import { Comments } from "./Comments";
import { Editor } from "./Editor";
import { graphql } from "./gql";
import type { PostQuery } from "./gql/graphql";
import { Loading, Problem } from "./problems";
import { useLast } from "./viewer";

const PostBySlug = graphql(`
  query Post($slug: String!, $after: String) {
    post(by: { slug: $slug }) {
      id
      title
      body
      version
      publishedAt
      viewerCanUpdate
      author { id username name }
      tags(first: 20) { nodes { id name } }
      comments(first: 50, after: $after) {
        totalCount
        edges { cursor node { ...CommentParts } }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
`);

const UpdatePost = graphql(`
  mutation UpdatePost($id: ID!, $text: String!, $expectedVersion: Int!) {
    outcome: updatePost(input: { id: $id, body: $text, expectedVersion: $expectedVersion }) {
      now: post { id version body }
      userErrors { code message }
    }
  }
`);

export type Post = NonNullable<PostQuery["post"]>;

export function PostPage({ slug, onLogIn }: { slug: string; onLogIn: () => void }) {
  // What the cache has may have been commented on since.
  const query = useQuery(PostBySlug, { variables: { slug }, fetchPolicy: "cache-and-network" });
  const data = useLast(query.data);
  const more = (after: string | null | undefined) => query.fetchMore({ variables: { after } });

  if (!data && query.error) return <Problem error={query.error} onRetry={() => query.refetch()} />;
  if (!data) return <Loading what="the post" blocks={3} />;
  if (!data.post) return <Missing />;
  return (
    <>
      <Article post={data.post} />
      <Comments post={data.post} isRead={!!query.data} more={more} onLogIn={onLogIn} />
    </>
  );
}

function Missing() {
  return (
    <div className="state">
      <h1>There is no such post</h1>
      <p>It may have been taken back. <a href="#/">All posts</a></p>
    </div>
  );
}

function Article({ post }: { post: Post }) {
  const [isEditing, setEditing] = useState(false);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${post.title} · Gazette`;
    window.scrollTo(0, 0);
    title.current?.focus({ preventScroll: true });
  }, [post.title]);

  return (
    <article className="post">
      <Tags names={post.tags.nodes.map(({ name }) => name)} />
      <h1 ref={title} tabIndex={-1}>{post.title}</h1>
      <p className="meta">
        <Byline {...post} />
        {post.viewerCanUpdate && !isEditing && (
          <> · <button className="link" onClick={() => setEditing(true)}>Edit</button></>
        )}
      </p>
      {isEditing ? (
        <Editor
          mutation={UpdatePost}
          label="The post's text, in Markdown"
          entity={{ id: post.id, version: post.version, body: post.body }}
          onDone={() => setEditing(false)}
        />
      ) : (
        <div className="body">
          {/* What somebody wrote is text: HTML in it is shown, and not obeyed. */}
          <Markdown options={{ disableParsingRawHTML: true, forceBlock: true, overrides: { h1: "h2" } }}>
            {post.body}
          </Markdown>
        </div>
      )}
    </article>
  );
}
