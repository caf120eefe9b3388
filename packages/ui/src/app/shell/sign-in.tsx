/** The page in place of every other while the server does not know who asks. */
import { type FormEvent, useState } from "react";
import { closeSession, openSession } from "../api/session.ts";

export function SignIn() {
  const [refusal, setRefusal] = useState<string | undefined>();
  const [isAsking, setIsAsking] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const credential = String(new FormData(event.currentTarget).get("credential")).trim();
    setIsAsking(true);
    const refused = await openSession(credential).catch(() => "The server does not answer.");
    setIsAsking(false);
    setRefusal(refused);
    // All that was refused before is asked again.
    if (refused === undefined) location.reload();
  };
  return (
    <main id="main" className="sign-in" tabIndex={-1}>
      <h1>Sign in</h1>
      <p>This server asks who calls. An API key or a token opens a session, which ends after some hours.</p>
      <form onSubmit={(event) => void submit(event)}>
        <label>
          <span>API key or token</span>
          <input name="credential" type="password" autoComplete="off" spellCheck={false} required />
        </label>
        {refusal !== undefined && (
          <p className="refusal" role="alert">
            {refusal}
          </p>
        )}
        <button type="submit" className="primary" disabled={isAsking}>
          Sign in
        </button>
      </form>
    </main>
  );
}

export function SignOut() {
  return (
    <button type="button" onClick={() => void closeSession().then(() => location.reload())}>
      Sign out
    </button>
  );
}
