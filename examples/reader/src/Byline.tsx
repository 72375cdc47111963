interface Person {
  username: string;
  name?: string | null;
}

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const MINUTE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function When({ moment, isExact = false }: { moment: string; isExact?: boolean }) {
  return <time dateTime={moment}>{(isExact ? MINUTE : DAY).format(new Date(moment))}</time>;
}

export const nameOf = (person?: Person | null) => (person ? (person.name ?? person.username) : "Somebody");

export function Byline({ author, publishedAt }: { author: Person; publishedAt?: string | null }) {
  return (
    <span>
      <b>{nameOf(author)}</b>
      {publishedAt && <> · <When moment={publishedAt} /></>}
    </span>
  );
}

export function Tags({ names }: { names: string[] }) {
  if (!names.length) return null;
  return (
    <ul className="tags" aria-label="Tags">
      {names.map((name) => <li key={name}>{name}</li>)}
    </ul>
  );
}

export const count = (size: number, thing: string) => `${size} ${size === 1 ? thing : thing.replace(/y$/, "ie") + "s"}`;
