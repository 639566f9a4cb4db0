"""Random histories of one company over the API: every verb on every kind, refusals, replays, time. Judged after each step."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from benchmarks.proofs.histories.drafts import DRAFTED, Draft, bill_payment, link, ref
from benchmarks.proofs.histories.ledger_check import check_books, journal_name, open_amount
from benchmarks.proofs.histories.office import CHECKING, REALM, REPAIRS, SAVINGS, Answer, Office, Sent
from benchmarks.proofs.histories.report_check import check_reports
from benchmarks.proofs.histories.snapshot import PAYERS, Body, Key, take
from benchmarks.proofs.histories.step_check import Meaning, check_nothing_moved, check_step
from infra import exact_json
from infra.qbo.simulator.timestamps import show_instant, whole_seconds

AMOUNTS: Final = st.lists(st.integers(2, 50_000).map(lambda cents: Decimal(cents) / 100), min_size=1, max_size=3).map(
    tuple
)
PICK: Final = st.integers(0, 9999)
TAGGED: Final = st.booleans()
NOTHING: Final = Meaning()
TRANSACTIONS: Final = (*DRAFTED, "BillPayment", "Payment")
VOIDABLE: Final = ("Invoice", "Payment", "BillPayment", "SalesReceipt")
NAMES: Final = ("Vendor", "Customer", "Item", "Account")
_MERGED: Final = ("Vendor", "Customer", "Account")
EXPECTED: Final = (
    *(f"{verb} {kind}" for verb in ("create", "delete", "update") for kind in TRANSACTIONS),
    *(f"void {kind}" for kind in VOIDABLE),
    *(f"sparse {kind}" for kind in TRANSACTIONS if kind not in {"Bill", "BillPayment"}),
    *(f"{verb} {kind}" for verb in ("create", "rename", "active False", "active True") for kind in NAMES),
    *(f"merge {kind}" for kind in _MERGED),
    "deposit payments", "send", "batch", "repeated anew",
)  # fmt: skip
"""What a run must have got done to mean anything."""
_WAITS: Final = (0, 0, 0, 1, 1, 59, 3600, 86_400, 40 * 86_400)


@dataclass(frozen=True, slots=True)
class Past:
    sent: Sent
    answer: Answer
    meaning: Meaning
    at: int


class Histories(RuleBasedStateMachine):
    """`tally` counts over all histories what was asked and what the books took, for a proof to show that it was not idle."""

    tally: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.office = Office()
        self.seen = take(self.office.company)
        self.past: list[Past] = []
        self.gone: dict[Key, int] = {}
        self.began = whole_seconds(self.office.clock)
        self.count = 0

    def teardown(self) -> None:
        self.office.close()

    @initialize(
        switches=st.fixed_dictionaries(
            {
                "void_everything": st.booleans(),
                "void_paid_invoice": st.sampled_from(("unlink", "refuse")),
                "bill_sparse": st.booleans(),
                "merge_moves_transactions": st.booleans(),
                "send_moves_token": st.booleans(),
                "deleted_suffix": st.booleans(),
            }
        ),
        applies=st.booleans(),
    )
    def open_office(self, switches: dict[str, Any], *, applies: bool) -> None:
        assert self.office.admin("behaviour", switches).ok
        wanted = {"SalesFormsPrefs": {"AutoApplyCredit": applies}, "sparse": True, **self._claim(("Preferences", "1"))}
        self._write("preferences", wanted, own=[("Preferences", "1")])
        for nth, kind in enumerate(DRAFTED):  # something to work with from the first step on
            self._write(kind.lower(), self._draft(kind, (Decimal(100 + nth),), nth).body(), verb=f"create {kind}")

    @rule(kind=st.sampled_from(DRAFTED), amounts=AMOUNTS, pick=PICK, tagged=TAGGED)
    def enter(self, kind: str, amounts: tuple[Decimal, ...], pick: int, *, tagged: bool) -> None:
        self._write(kind.lower(), self._draft(kind, amounts, pick).body(), tagged=tagged, verb=f"create {kind}")

    @rule(
        pick=PICK,
        shares=st.lists(st.sampled_from((1, 1, 2, 3, -1)), min_size=1, max_size=4),
        over=st.integers(0, 900),
        tagged=TAGGED,
    )
    def pay_bills(self, pick: int, shares: list[int], over: int, *, tagged: bool) -> None:
        """Wholly, in part, over several documents with credits among them; a share of -1 asks for too much."""
        vendor = self._name("Vendor", pick)
        lines = self._lines(("Bill", "VendorCredit", "JournalEntry"), ("Vendor", vendor), shares, pick)
        total = self._net(lines) + Decimal(over) / 100
        body = bill_payment(total, lines, vendor=vendor, by_card=pick % 3 == 0)
        self._write("billpayment", body, tagged=tagged, verb="create BillPayment")

    @rule(
        pick=PICK,
        shares=st.lists(st.sampled_from((1, 1, 2, 3, -1)), min_size=1, max_size=4),
        over=st.integers(0, 900),
        tagged=TAGGED,
    )
    def receive(self, pick: int, shares: list[int], over: int, *, tagged: bool) -> None:
        customer = self._name("Customer", pick)
        lines = self._lines(("Invoice", "CreditMemo", "JournalEntry"), ("Customer", customer), shares, pick)
        body: Body = {"CustomerRef": ref(customer), "TotalAmt": self._net(lines) + Decimal(over) / 100, "Line": lines}
        if pick % 4 == 0:
            body["DepositToAccountRef"] = ref(SAVINGS)
        self._write("payment", body, tagged=tagged, verb="create Payment")

    @rule(pick=PICK, most=st.integers(1, 3), tagged=TAGGED)
    def deposit(self, pick: int, most: int, *, tagged: bool) -> None:
        """Payments and receipts in whole; now and then one that lies in the bank already."""
        held = sorted(self.seen.of("Payment", "SalesReceipt"))
        free = [key for key in held if key not in self.seen.payers_of() or pick % 10 == 0]
        chosen = [free[(pick + nth) % len(free)] for nth in range(min(most, len(free)))]
        lines = [link(kind, identifier, self.seen.bodies[kind, identifier]["TotalAmt"]) for kind, identifier in chosen]
        self._write(
            "deposit", {"DepositToAccountRef": ref(CHECKING), "Line": lines}, tagged=tagged, verb="deposit payments"
        )

    @rule(pick=PICK, amounts=AMOUNTS, days=st.sampled_from((0, 0, -1, 1, -45, 45, -300)), tagged=TAGGED)
    def rewrite(self, pick: int, amounts: tuple[Decimal, ...], days: int, *, tagged: bool) -> None:
        """A full update with other lines, another day and perhaps another name."""
        paid = sorted(key for key in self.seen.payers_of() if key[0] in DRAFTED)
        if key := paid[pick % len(paid)] if paid and pick % 2 else self._any(pick, *DRAFTED):
            body = {**self._draft(key[0], amounts, pick).body(), **self._claim(key)}
            if days:
                body["TxnDate"] = show_instant(whole_seconds(self.office.clock) + days * 86_400)[:10]
            self._write(key[0].lower(), body, own=[key], tagged=tagged, verb=f"update {key[0]}")

    @rule(pick=PICK, amounts=AMOUNTS)
    def pass_on(self, pick: int, amounts: tuple[Decimal, ...]) -> None:
        """To another name, without another change: of a paid document that cannot be."""
        kind, name, paid = (("Bill", "Vendor", "billpayment"), ("Invoice", "Customer", "payment"))[pick % 2]
        first, second = sorted(self.seen.of(name))[:2]
        draft = Draft(kind, amounts, pick, vendor=first[1], customer=first[1])
        made = self._write(kind.lower(), draft.body(), verb=f"create {kind}")
        if not made.ok:
            return
        key: Key = (kind, made.json()[kind]["Id"])
        lines = [link(*key, amount=amounts[0])]
        body = (
            bill_payment(amounts[0], lines, vendor=first[1], by_card=False)
            if kind == "Bill"
            else {"CustomerRef": ref(first[1]), "TotalAmt": amounts[0], "Line": lines}
        )
        self._write(paid, body, verb=f"create {paid}")
        changed = {**exact_json.loads(self.seen.shown[key]), f"{name}Ref": ref(second[1])}
        self._write(kind.lower(), changed, own=[key], verb=f"pass {kind} on")

    @rule(pick=PICK, tagged=TAGGED)
    def reapply(self, pick: int, *, tagged: bool) -> None:
        """A payment, as it was read, with fewer lines, smaller ones, or none of its lines changed."""
        if key := self._any(pick, *PAYERS):
            body = exact_json.loads(self.seen.shown[key])
            lines = body.get("Line", [])
            if pick % 3 == 0:
                body["Line"] = lines[1:]
            elif pick % 3 == 1:
                for line in lines[:1]:
                    line["Amount"] = (Decimal(line["Amount"]) / 2).quantize(Decimal("0.01"))
            self._write(key[0].lower(), body, own=[key], tagged=tagged, verb=f"update {key[0]}")

    @rule(pick=PICK, tagged=TAGGED)
    def note(self, pick: int, *, tagged: bool) -> None:
        if key := self._any(pick, *TRANSACTIONS):
            self.count += 1
            body = {**self._claim(key), "sparse": True, "PrivateNote": f"Note {self.count}"}
            self._write(key[0].lower(), body, own=[key], tagged=tagged, verb=f"sparse {key[0]}")

    @rule(pick=PICK, tagged=TAGGED)
    def delete(self, pick: int, *, tagged: bool) -> None:
        if key := self._any(pick, *TRANSACTIONS):
            self._write(
                key[0].lower(), self._claim(key), own=[key], tagged=tagged, verb=f"delete {key[0]}", operation="delete"
            )

    @rule(pick=PICK, tagged=TAGGED)
    def void(self, pick: int, *, tagged: bool) -> None:
        kinds = TRANSACTIONS if self.office.simulator.behaviour.void_everything and pick % 2 else VOIDABLE
        if key := self._any(pick, *kinds):
            body, many = {**self._claim(key), "sparse": True}, key[0] == "Invoice"
            how = {"operation": "void"} if many else {"operation": "update", "include": "void"}
            self._write(key[0].lower(), body, own=[key], many=many, tagged=tagged, verb=f"void {key[0]}", **how)

    @rule(kind=st.sampled_from(NAMES), pick=PICK, tagged=TAGGED)
    def add_name(self, kind: str, pick: int, *, tagged: bool) -> None:
        """Every third has a name that is taken."""
        self.count += 1
        name = f"{kind} {self.count - pick % 3}"
        body: Body = {"Name": name} if kind in {"Item", "Account"} else {"DisplayName": name}
        if kind == "Item":
            body["IncomeAccountRef"] = ref("5")
        elif kind == "Account":
            body |= {"AccountType": "Expense"} | ({"ParentRef": ref(REPAIRS)} if pick % 2 else {})
        elif kind == "Customer" and pick % 2:
            body |= {"Job": True, "ParentRef": ref(self._name("Customer", pick))}
        self._write(kind.lower(), body, tagged=tagged, verb=f"create {kind}")

    @rule(kind=st.sampled_from(NAMES), pick=PICK, active=st.sampled_from((None, None, True, False)), tagged=TAGGED)
    def change_name(self, kind: str, pick: int, *, active: bool | None, tagged: bool) -> None:
        """Renamed, retired or brought back."""
        if key := self._any(pick, kind):
            body: Body = {**self._claim(key), "sparse": True}
            if active is None:
                self.count += 1
                body["Name" if kind in {"Item", "Account"} else "DisplayName"] = f"Renamed {self.count}"
            else:
                body["Active"] = active
            verb = "rename" if active is None else f"active {active}"
            self._write(kind.lower(), body, own=[key], tagged=tagged, verb=f"{verb} {kind}")

    @rule(kind=st.sampled_from(_MERGED), pick=PICK, other=PICK)
    def merge(self, kind: str, pick: int, other: int) -> None:
        loser, survivor = self._any(pick, kind), self._any(other, kind)
        assert loser is not None
        assert survivor is not None
        if kind == "Account" and pick % 10:  # most are of different types, which is refused
            loser, survivor = (kind, REPAIRS), (kind, "6")
        before, nth = self.seen, self._nth()
        answer = self.office.admin(f"merge/{REALM}", {"entity": kind, "from": loser[1], "into": survivor[1]})
        self._settle(before, nth, answer, Meaning(merges=(kind, loser[1], survivor[1])), verb=f"merge {kind}")

    @rule(pick=PICK, tagged=TAGGED)
    def send(self, pick: int, *, tagged: bool) -> None:
        if key := self._any(pick, "Invoice", "CreditMemo", "SalesReceipt"):
            options = {"sendTo": "amy@birds.example"} if pick % 2 else {}
            sent = self._sent(f"{key[0].lower()}/{key[1]}/send", b"", tagged=tagged, **options)
            moves = self.office.simulator.behaviour.send_moves_token
            self._post(sent, Meaning(frozenset({key}) if moves else frozenset(), mails=key), verb="send")

    @rule(
        drafts=st.lists(
            st.tuples(st.sampled_from((*DRAFTED, "delete", "note")), AMOUNTS, PICK), min_size=1, max_size=5
        ),
        tagged=TAGGED,
    )
    def batch(self, drafts: Sequence[tuple[str, tuple[Decimal, ...], int]], *, tagged: bool) -> None:
        items: list[Body] = []
        own = set()
        for nth, (what, amounts, pick) in enumerate(drafts):
            key = self._any(pick, *TRANSACTIONS)
            if what in DRAFTED:
                item = {"operation": "create", what: self._draft(what, amounts, pick).body()}
            elif key is not None:
                own.add(key)
                note = {"PrivateNote": "Batch", "sparse": True} if what == "note" else {}
                item = {"operation": "update" if note else "delete", key[0]: {**self._claim(key), **note}}
            else:
                continue
            items.append({"bId": str(nth), **item})
        if items:
            sent = self._sent("batch", exact_json.dumps({"BatchItemRequest": items}), tagged=tagged)
            self._post(sent, Meaning(frozenset(own), many=True), verb="batch")

    @rule(pick=PICK)
    def repeat(self, pick: int) -> None:
        """The very same request again, whatever has happened since."""
        if self.past:
            self._repeat(self.past[pick % len(self.past)])

    @rule(pick=PICK, amounts=AMOUNTS)
    def repeat_after_deletion(self, pick: int, amounts: tuple[Decimal, ...]) -> None:
        kind = ("Bill", "Invoice", "Purchase", "Transfer")[pick % 4]
        for _ in range(2):
            made = self._write(
                kind.lower(), self._draft(kind, amounts, pick).body(), tagged=True, verb=f"create {kind}"
            )
            if not made.ok:
                return
            creation, key = self.past[-1], (kind, made.json()[kind]["Id"])
            if self._write(kind.lower(), self._claim(key), own=[key], tagged=True, operation="delete").ok:
                deletion = self.past[-1]
                self._repeat(deletion)
                self._repeat(creation)
        self._capture(60)

    @rule(pick=PICK)
    def come_too_late(self, pick: int) -> None:
        """With a token that is not the object's own."""
        if key := self._any(pick, *TRANSACTIONS, *NAMES):
            body = {
                **self._claim(key),
                "SyncToken": str(self.seen.token(key) + (1 if pick % 2 else -1)),
                "sparse": True,
            }
            answer = self._write(key[0].lower(), body, own=[key])
            assert not answer.ok, f"{key}: a stale token was taken"

    @rule(replays=st.booleans())
    def switch_replays(self, *, replays: bool) -> None:
        assert self.office.admin("behaviour", {"requestid_replay": "replay" if replays else "ignored"}).ok

    @rule(wait=st.sampled_from(_WAITS))
    def wait(self, wait: int) -> None:
        """A reply under a requestid is remembered for 30 days."""
        self.office.clock.advance(wait)
        now = whole_seconds(self.office.clock)
        self.past = [past for past in self.past if past.at > now - 30 * 86_400]

    @rule(kind=st.sampled_from((*TRANSACTIONS, *NAMES)), pick=PICK)
    def read(self, kind: str, pick: int) -> None:
        """Queries and reads show what is there, and leave no trace."""
        nth, found = self._nth(), []
        active = " where Active in (true, false)" if kind in NAMES else ""
        answer = self.office.get("query", query=f"select * from {kind}{active} maxresults 1000")  # noqa: S608 - QBO's language
        found = answer.json()["QueryResponse"].get(kind, [])
        assert {each["Id"]: each for each in found} == {key[1]: body for key, body in self.seen.of(kind).items()}
        if key := self._any(pick, kind):
            assert self.office.get(f"{kind.lower()}/{key[1]}").json()[kind] == self.seen.bodies[key]
        check_nothing_moved(self.seen, take(self.office.company), self._commits(nth))

    @rule(back=st.sampled_from((0, 1, 60, 86_400, 29 * 86_400)))
    def capture_changes(self, back: int) -> None:
        self._capture(back)

    def _capture(self, back: int) -> None:
        nth, since, kinds = self._nth(), whole_seconds(self.office.clock) - back, (*TRANSACTIONS, *NAMES)
        answer = self.office.get("cdc", entities=",".join(kinds), changedSince=show_instant(since))
        groups = answer.json()["CDCResponse"][0]["QueryResponse"]
        for kind, group in zip(kinds, groups, strict=True):
            records = self.office.company.stores[kind].records.values()
            live = {record.id for record in records if record.updated >= since}
            gone = {key[1] for key, at in self.gone.items() if key[0] == kind and at >= since}
            shown = [(each["Id"], each.get("status")) for each in group.get(kind, [])]
            assert {each for each, status in shown if status is None} == live, f"CDC of {kind}: the living"
            assert {each for each, status in shown if status == "Deleted"} == gone, f"CDC of {kind}: the deleted"
        check_nothing_moved(self.seen, take(self.office.company), self._commits(nth))

    @invariant()
    def books_hold(self) -> None:
        check_reports(self.office, self.seen, check_books(self.office, self.seen))

    def _write(
        self, path: str, body: Body, *, own: Sequence[Key] = (), many: bool = False, tagged: bool = False,
        verb: str = "", **options: str,
    ) -> Answer:  # fmt: skip
        sent = self._sent(path, exact_json.dumps(body), tagged=tagged, **options)
        return self._post(sent, Meaning(frozenset(own), many=many), verb=verb)

    def _sent(self, path: str, content: bytes, *, tagged: bool, **options: str) -> Sent:
        self.count += 1
        return Sent(path, options | ({"requestid": f"r{self.count}"} if tagged else {}), content)

    def _post(self, sent: Sent, meaning: Meaning, *, verb: str = "") -> Answer:
        before, nth = self.seen, self._nth()
        answer = self.office.post(sent)
        if "requestid" in sent.options:
            self.past.append(Past(sent, answer, meaning, whole_seconds(self.office.clock)))
        self._settle(before, nth, answer, meaning, verb=verb)
        return answer

    def _repeat(self, past: Past) -> None:
        nth = self._nth()
        answer = self.office.post(past.sent)
        replays = self.office.simulator.behaviour.requestid_replay == "replay"
        if replays and past.answer.ok:
            assert answer == past.answer, "a replay is not the first answer"
            check_nothing_moved(self.seen, take(self.office.company), self._commits(nth))
            type(self).tally["replayed"] += 1
            return
        if answer.ok:
            self.past[self.past.index(past)] = Past(past.sent, answer, past.meaning, whole_seconds(self.office.clock))
        self._settle(self.seen, nth, answer, past.meaning, verb="repeated anew")

    def _settle(self, before: Any, nth: int, answer: Answer, meaning: Meaning, *, verb: str) -> None:
        """Judge what the last request did."""
        self.seen = take(self.office.company, last=before)
        commits = self._commits(nth)
        for key in before.shown.keys() - self.seen.shown.keys():
            self.gone[key] = whole_seconds(self.office.clock)
        type(self).tally[f"{'took' if answer.ok else 'refused'}: {verb}"] += 1
        if not answer.ok:
            assert answer.status < 500, f"{verb}: {answer.content!r}"
            assert b'"10000"' not in answer.content, f"{verb}: {answer.content!r}"
            check_nothing_moved(before, self.seen, commits)
            return
        check_step(self.office, before, self.seen, meaning=meaning, commits=commits)
        seen = self.office.simulator.oracle.requests[-1]
        if meaning.merges is None:
            assert (seen.status, seen.executed) == (200, True)
            assert {commit.request for commit in commits} <= {seen.nth}, "a commit of another request"

    def _nth(self) -> int:
        return self.office.simulator.oracle.totals["commits"]

    def _commits(self, since: int) -> list[Any]:
        oracle = self.office.simulator.oracle
        count = oracle.totals["commits"] - since
        return list(oracle.commits)[-count:] if count else []

    def _any(self, pick: int, *kinds: str) -> Key | None:
        found = sorted(self.seen.of(*kinds), key=lambda key: (key[0], int(key[1])))
        return found[pick % len(found)] if found else None

    def _name(self, kind: str, pick: int) -> str:
        """Mostly one of the first, who have more history."""
        key = self._any(pick if pick % 4 == 0 else pick % 2, kind)
        assert key is not None
        return key[1]

    def _draft(self, kind: str, amounts: tuple[Decimal, ...], pick: int) -> Draft:
        return Draft(kind, amounts, pick, vendor=self._name("Vendor", pick), customer=self._name("Customer", pick))

    def _claim(self, key: Key) -> Body:
        return {"Id": key[1], "SyncToken": self.seen.bodies[key]["SyncToken"]}

    def _lines(self, kinds: Sequence[str], name: Key, shares: list[int], pick: int) -> list[Body]:
        """What is open of this name, as far as there are shares for it."""
        payers, found = self.seen.payers_of(), []
        for key, body in self.seen.of(*kinds).items():
            if key[0] == "JournalEntry":
                who, amount = journal_name(body)
                rest = amount - sum(payers.get(key, {}).values())
            else:
                who = (name[0], body["VendorRef" if "VendorRef" in body else "CustomerRef"]["value"])
                rest = open_amount(key, body, payers)
            if who == name and rest > 0:
                found.append((key, rest))
        start = pick % len(found) if found else 0
        chosen = (found[start:] + found[:start])[: len(shares)]
        return [
            link(*key, amount=rest + 1 if share < 0 else (rest / share).quantize(Decimal("0.01")))
            for (key, rest), share in zip(chosen, shares, strict=False)
        ]

    def _net(self, lines: list[Body]) -> Decimal:
        credit = ("VendorCredit", "CreditMemo")
        total = sum(
            (-line["Amount"] if line["LinkedTxn"][0]["TxnType"] in credit else line["Amount"] for line in lines),
            Decimal(0),
        )
        return max(total, Decimal(0))
