import { createContext, useContext, useState } from "react";

import { count, nameOf, When } from "./Byline";
import { Composer } from "./Composer";
import { Editor } from "./Editor";
import { graphql } from "./gql";
import { useLiveComments } from "./liveComments";
import type { Post } from "./PostPage";
import { type Branch, branchesOf, sizeOf } from "./thread";

const UpdateComment = graphql(`
  mutation UpdateComment($id: ID!, $text: String!, $expectedVersion: Int!) {
    outcome: updateComment(input: { id: $id, body: $text, expectedVersion: $expectedVersion }) {
      now: comment { id version body updatedAt }
      userErrors { code message }
    }
  }
`);

/** How many levels of replies are shown before they are asked for. */
const DEPTH = 3;

interface Place {
  postId: string;
  newest: string | undefined;
  onLogIn: () => void;
}

const Context = createContext<Place | null>(null);

interface Props {
  post: Post;
  /** Whether it is the present client's, and not what another one has read. */
  isRead: boolean;
  more: (after: string | null | undefined) => Promise<unknown>;
  onLogIn: () => void;
}

export function Comments({ post, isRead, more, onLogIn }: Props) {
  const { edges, pageInfo, totalCount } = post.comments;
  const newest = useLiveComments(post.id, isRead, () => {
    if (!pageInfo.hasNextPage) void more(edges.at(-1)?.cursor).catch(() => {});
  });
  const [error, setError] = useState<Error | null>(null);
  return (
    <section className="comments" aria-labelledby="comments">
      <h2 id="comments">{totalCount ? count(totalCount, "comment") : "No comments yet"}</h2>
      <p className="unseen" role="status">
        {newest && `New comment by ${nameOf(newest.author)}: ${newest.body}`}
      </p>
      <Context value={{ postId: post.id, newest: newest?.id, onLogIn }}>
        <Thread branches={branchesOf(edges.map(({ node }) => node))} />
      </Context>
      {error && <p className="problem" role="alert">{error.message}</p>}
      {pageInfo.hasNextPage && (
        <button
          className="quiet more"
          onClick={() => (setError(null), more(pageInfo.endCursor).catch(setError))}
        >
          More comments, {edges.length} of {totalCount} are shown
        </button>
      )}
      <Composer
        postId={post.id}
        label={totalCount ? "What do you say?" : "Be the first to say something"}
        onLogIn={onLogIn}
      />
    </section>
  );
}

function Thread({ branches, depth = 0 }: { branches: Branch[]; depth?: number }) {
  return (
    <ol className="thread">
      {branches.map((branch) => <Entry key={branch.comment.id} branch={branch} depth={depth} />)}
    </ol>
  );
}

function Entry({ branch, depth }: { branch: Branch; depth: number }) {
  const { comment, replies } = branch;
  const { postId, newest, onLogIn } = useContext(Context)!;
  const [doing, setDoing] = useState<"reading" | "replying" | "editing">("reading");
  const [isOpen, setOpen] = useState(depth < DEPTH);
  const read = () => setDoing("reading");
  return (
    <li id={comment.id} className={comment.id === newest ? "new" : undefined}>
      <p className="meta">
        <b>{comment.author ? nameOf(comment.author) : "Deleted"}</b> · <When moment={comment.createdAt} isExact />
        {comment.version > 1 && " · edited"}
      </p>
      {doing === "editing" ? (
        <Editor mutation={UpdateComment} label="Your comment" entity={comment} onDone={read} />
      ) : (
        <p className="said">{comment.body ?? "This comment was deleted."}</p>
      )}
      {doing === "reading" && (
        <p className="actions">
          <button className="link" onClick={() => setDoing("replying")}>Reply</button>
          {comment.viewerCanUpdate && <button className="link" onClick={() => setDoing("editing")}>Edit</button>}
        </p>
      )}
      {doing === "replying" && (
        <Composer
          postId={postId}
          parentId={comment.id}
          label={`Reply to ${nameOf(comment.author)}`}
          onLogIn={onLogIn}
          onDone={() => (setOpen(true), read())}
          onCancel={read}
        />
      )}
      {replies.length > 0 &&
        (isOpen ? (
          <Thread branches={replies} depth={depth + 1} />
        ) : (
          <button className="link" onClick={() => setOpen(true)}>Show {count(sizeOf(branch), "more reply")}</button>
        ))}
    </li>
  );
}
