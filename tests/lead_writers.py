"""A writer in a process of its own, for test_stack: `python -m tests.lead_writers COUNT PAUSE`.

Captures, updates and deletes leads through `submit`, as a form or the API does, with a pause of PAUSE seconds at most
between two transactions. Says what it has made, a line a submission: its number, and the rating that the lead has
after it, or "deleted". That is the ledger, which owes nothing to the code that delivers.
"""

from __future__ import annotations

import random
import sys
import time

import django


def main(count: int, pause: float) -> None:
    """Makes `count` submissions, in transactions of one to five calls."""
    django.setup()
    from flowfinity import definitions
    from flowfinity.models import User
    from flowfinity.submissions import Call, submit

    app = definitions.of("LeadRegistration")
    by = User.objects.get(username="sam")
    leads: list[int] = []
    done = 0
    while done < count:
        calls, after = [], []
        for _ in range(min(random.randint(1, 5), count - done)):
            rating, word = random.choice(["Hot", "Warm", "Cold"]), f"{random.getrandbits(64):x}"
            if leads and random.random() < 0.5:
                # Each lead at most once in a transaction.
                lead = leads.pop(random.randrange(len(leads)))
                if random.random() < 0.1:
                    calls.append(Call(app.operation("DeleteLead"), {}, record=lead))
                    after.append("deleted")
                else:
                    calls.append(Call(app.operation("UpdateLead"), {"Rating": rating, "Summary": word}, record=lead))
                    after.append(rating)
            else:
                values = {"Company": f"Company {word}", "LastName": "Smith", "Rating": rating}
                calls.append(Call(app.operation("CaptureLead"), values))
                after.append(rating)
        for result, state in zip(submit(calls, by).results, after, strict=True):
            if state != "deleted":
                leads.append(result.record)
            sys.stdout.write(f"{result.submission} {state}\n")
        sys.stdout.flush()
        done += len(calls)
        time.sleep(random.uniform(0, pause))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
