/** One's own sign-in: the second factor, turned on with an app's code and off with password and code, and the password. */
import { Alert, Text } from "@mantine/core";
import { useState } from "react";
import { useMe } from "../../api/session";
import { moment } from "../../parts/figures";
import { Page } from "../../parts/Page";
import { Asked } from "../../parts/States";
import { ChangePassword } from "./ChangePassword";
import { RecoveryCodes } from "./RecoveryCodes";
import { TurnOff } from "./TurnOff";
import { TurnOn } from "./TurnOn";

export function Component() {
  const me = useMe();
  const [codes, setCodes] = useState<string[] | null>(null);
  return (
    <Page title="Your sign-in" about="A second factor keeps others out who have learnt your password.">
      {codes ? (
        <RecoveryCodes codes={codes} onDone={() => setCodes(null)} />
      ) : (
        <Asked of={me}>
          {({ user, second_factor: factor }) => (
            <>
              {factor.lacking && (
                <Alert color="yellow" title="Everybody signs in with a second factor here" maw={640}>
                  Turn yours on; then everything else is open to you.
                </Alert>
              )}
              {factor.since ? (
                <>
                  <Text>
                    The second factor is on since {moment(factor.since)}. {left(factor.codes)}
                  </Text>
                  <TurnOff />
                </>
              ) : (
                <TurnOn onCodes={setCodes} />
              )}
              {!factor.lacking && <ChangePassword user={user.id} />}
            </>
          )}
        </Asked>
      )}
    </Page>
  );
}

function left(codes: number): string {
  if (codes === 0) return "No recovery code is left; turn it off and on again to get new ones.";
  return codes === 1 ? "One recovery code is left." : `${codes} recovery codes are left.`;
}
