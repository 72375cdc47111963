import type { CommentPartsFragment } from "./gql/graphql";

export interface Branch {
  comment: CommentPartsFragment;
  replies: Branch[];
}

/**
 * A post's comments as a tree. The API has them oldest first, so what a comment replies to was read before it; of one
 * that came live it may not have been yet, and then it begins a thread until it has.
 */
export function branchesOf(comments: CommentPartsFragment[]): Branch[] {
  const all = new Map(comments.map((comment) => [comment.id, { comment, replies: [] as Branch[] }]));
  const roots: Branch[] = [];
  for (const branch of all.values()) {
    const parent = branch.comment.parent && all.get(branch.comment.parent.id);
    (parent?.replies ?? roots).push(branch);
  }
  return roots;
}

/** How many comments are below it. */
export const sizeOf = ({ replies }: Branch): number => replies.reduce((sum, reply) => sum + 1 + sizeOf(reply), 0);
