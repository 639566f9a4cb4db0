"""Gathers events by subscription and realm, sends them signed, and keeps trying as Intuit does."""

import base64
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import httpx

from infra.qbo.simulator.api.oauth import AuthorizationServer
from infra.qbo.simulator.behaviour import DEFAULT
from infra.qbo.simulator.oracle.calls import Call
from infra.qbo.simulator.oracle.journal import Commit
from infra.qbo.simulator.oracle.oracle import Oracle
from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock
from infra.qbo.simulator.timeline.timeline import Timeline
from infra.qbo.simulator.trouble import rules
from infra.qbo.simulator.trouble.trouble import Trouble, draw_seconds
from infra.qbo.simulator.webhooks.events import Event, cloud_body, legacy_body, read_event, sign
from infra.qbo.simulator.webhooks.queue import Notification, Queue, read_queue
from infra.qbo.simulator.webhooks.subscription import Subscription, read_subscription

RETRY_SECONDS: Final = (10, 20, 30, 300, 1200, 7200, 14_400, 21_600)
"""After each failed attempt in turn; the last is repeated for ever."""


@dataclass(slots=True)
class _Subscriber:
    name: str
    subscription: Subscription
    queues: dict[str, Queue] = field(default_factory=dict)
    is_over: bool = False


@dataclass(slots=True)
class _Held:
    """An event that trouble delays or repeats."""

    due: float
    subscriber: str
    event: Event
    repeat: bool


class Webhooks:
    """Deliveries are simulated events on the timeline; only the wait for an answer is real time.

    `revision` moves with all that a state keeps: subscriptions, events that wait, the attempt that goes on.
    """

    def __init__(
        self,
        *,
        clock: SimulatedClock,
        timeline: Timeline,
        oracle: Oracle,
        trouble: Trouble,
        oauth: AuthorizationServer,
        seed: int = 0,
    ) -> None:
        self._clock, self._timeline, self._oracle, self._trouble, self._oauth = clock, timeline, oracle, trouble, oauth
        self._seed = seed
        self._identifiers = 0
        self._held: dict[int, _Held] = {}
        self.revision = 0
        self.on_delivered: Callable[[], None] | None = None
        self._source = "intuit." + base64.b64encode(sha256(oauth.client_id.encode()).digest()).decode()
        self.behaviour = DEFAULT
        self._count = 0
        self._subscribers: dict[str, _Subscriber] = {}
        self._http: httpx.AsyncClient | None = None

    def subscribe(self, subscription: Subscription) -> str:
        """The name by which it can be ended."""
        self._count += 1
        self.revision += 1
        name = f"webhook-{self._count}"
        self._subscribers[name] = _Subscriber(name, subscription)
        return name

    def subscribe_once(self, subscription: Subscription) -> None:
        """As `subscribe`, in place of another to the same address: what a command line says at each start."""
        same = [each for each in self._subscribers.values() if each.subscription.url == subscription.url]
        if any(each.subscription == subscription for each in same):
            return
        for each in same:
            self.unsubscribe(each.name)
        self.subscribe(subscription)

    def unsubscribe(self, name: str | None = None) -> list[str]:
        names = [each for each in self._subscribers if name in {None, each}]
        for each in names:
            self._subscribers.pop(each).is_over = True
        self.revision += 1
        return names

    def describe(self) -> list[dict[str, Any]]:
        """Every subscription without its secret, and how many events wait or are being tried again."""
        return [
            {
                "name": subscriber.name,
                **subscriber.subscription.model_dump(mode="json", exclude={"verifier_token"}),
                "waiting": {
                    realm_id: len(queue.events) + len(queue.repeats)
                    for realm_id, queue in subscriber.queues.items()
                    if queue.events or queue.repeats
                },
                "attempts": {
                    realm_id: queue.unanswered.attempt
                    for realm_id, queue in subscriber.queues.items()
                    if queue.unanswered
                },
            }
            for subscriber in self._subscribers.values()
        ]

    def changed(self, commit: Commit) -> None:
        """For the journal. Trouble may lose, double or delay the event, the same for all subscriptions."""
        wanted = [each for each in self._subscribers.values() if each.subscription.wants(commit.entity)]
        if not wanted or not self._oauth.has_grant(commit.realm_id):
            return
        event = Event(
            self._uuid(),
            commit.realm_id,
            commit.entity,
            commit.id,
            commit.operation,
            self._clock.now().timestamp(),
            commit.deleted_id,
        )
        delay, repeats = self._troubled(commit)
        if delay is None:
            return
        for subscriber in wanted:
            if delay:
                self._hold(_Held(event.at + delay, subscriber.name, event, repeat=False))
            else:
                self._enqueue(subscriber, event)
            for after in repeats:
                self._hold(_Held(event.at + delay + after, subscriber.name, event, repeat=True))

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def _troubled(self, commit: Commit) -> tuple[float | None, list[float]]:
        """Seconds before the event is taken up, None for never; and those after which it comes again."""
        call = Call("POST", "", realm_id=commit.realm_id, verb="webhook", entity=commit.entity)
        delay, repeats = 0.0, []
        for active, effect in self._trouble.decide_webhook(call):
            match effect:
                case rules.Lose():
                    return None, []
                case rules.Double():
                    repeats.append(draw_seconds(active, effect.after_seconds))
                case rules.Delay():
                    delay += draw_seconds(active, effect.seconds)
        return delay, repeats

    def kept(self) -> dict[str, Any]:
        """All that is to be sent and where, for a state to keep. The verifier tokens are among it."""
        return {
            "count": self._count,
            "identifiers": self._identifiers,
            "held": [{**asdict(held), "event": held.event.kept()} for held in self._held.values()],
            "subscribers": [
                {
                    "name": subscriber.name,
                    "subscription": subscriber.subscription.kept(),
                    "queues": {realm_id: queue.kept() for realm_id, queue in subscriber.queues.items()},
                }
                for subscriber in self._subscribers.values()
            ],
        }

    def resume(self, kept: dict[str, Any]) -> None:
        """An attempt that had no answer yet is made again: the receiver may get a notification twice."""
        self._count, self._identifiers = kept["count"], kept["identifiers"]
        for each in kept["subscribers"]:
            subscriber = _Subscriber(each["name"], read_subscription(each["subscription"]))
            self._subscribers[subscriber.name] = subscriber
            for realm_id, waiting in each["queues"].items():
                queue = subscriber.queues[realm_id] = read_queue(waiting)
                if queue.unanswered or queue.events or queue.repeats:
                    due, queue.due = queue.due, None
                    self._schedule(subscriber, realm_id, 0 if due is None else self._seconds_until(due))
        for each in kept["held"]:
            self._hold(_Held(float(each["due"]), each["subscriber"], read_event(each["event"]), each["repeat"]))

    def _hold(self, held: _Held) -> None:
        self._identifiers += 1
        self.revision += 1
        nth = self._identifiers
        self._held[nth] = held
        self._timeline.after(self._seconds_until(held.due), partial(self._let_go, nth))

    async def _let_go(self, nth: int) -> None:
        held = self._held.pop(nth)
        self.revision += 1
        subscriber = self._subscribers.get(held.subscriber)
        if subscriber is not None:
            self._enqueue(subscriber, held.event, repeat=held.repeat)
        self._tell()

    def _seconds_until(self, due: float) -> float:
        return max(0.0, due - self._clock.now().timestamp())

    def _tell(self) -> None:
        if self.on_delivered is not None:
            self.on_delivered()

    def _enqueue(self, subscriber: _Subscriber, event: Event, *, repeat: bool = False) -> None:
        """A second change of the same sort to the same object joins the first that still waits."""
        self.revision += 1
        queue = subscriber.queues.setdefault(event.realm_id, Queue())
        if repeat:
            queue.repeats.append(event)
        else:
            queue.events.pop(event.subject, None)
            queue.events[event.subject] = event
        if queue.unanswered is None:
            self._schedule(subscriber, event.realm_id, subscriber.subscription.delay_seconds)

    def _schedule(self, subscriber: _Subscriber, realm_id: str, seconds: float) -> None:
        queue = subscriber.queues[realm_id]
        if queue.due is None:
            queue.due = self._clock.now().timestamp() + seconds
            self.revision += 1
            self._timeline.after(seconds, partial(self._deliver, subscriber, realm_id), aside=True)

    async def _deliver(self, subscriber: _Subscriber, realm_id: str) -> None:
        queue = subscriber.queues[realm_id]
        queue.due = None
        self.revision += 1
        if subscriber.is_over:
            return
        notification = queue.unanswered = queue.unanswered or self._gather(subscriber.subscription, realm_id, queue)
        notification.attempt += 1
        self._tell()
        status = await self._post(subscriber.subscription, notification)
        self._oracle.notification(
            realm_id=realm_id,
            url=str(subscriber.subscription.url),
            identifier=notification.id,
            attempt=notification.attempt,
            events=notification.count,
            status=status,
        )
        if status != HTTPStatus.OK:
            nth = min(notification.attempt, len(RETRY_SECONDS)) - 1
            self._schedule(subscriber, realm_id, RETRY_SECONDS[nth])
        else:
            queue.unanswered = None
            self.revision += 1
            if queue.events or queue.repeats:
                self._schedule(subscriber, realm_id, 0)
        self._tell()

    def _gather(self, subscription: Subscription, realm_id: str, queue: Queue) -> Notification:
        events = [*queue.events.values(), *queue.repeats]
        queue.events.clear()
        queue.repeats.clear()
        body = (
            legacy_body(realm_id, events)
            if subscription.format == "legacy"
            else cloud_body(events, source=self._source, behaviour=self.behaviour)
        )
        return Notification(str(self._uuid()), body, len(events))

    async def _post(self, subscription: Subscription, notification: Notification) -> int | None:
        """The status, or None when there was none in time."""
        if self._http is None:
            self._http = httpx.AsyncClient(trust_env=False, follow_redirects=False)
        headers = {
            "content-type": "application/json",
            "user-agent": "intuit_notification_server/1.0",
            "intuit-signature": sign(notification.body, subscription.verifier_token.get_secret_value()),
            "intuit-t-id": notification.id,
            "intuit-created-time": self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "intuit-notification-schema-version": "1.0",
        }
        try:
            answer = await self._http.post(
                str(subscription.url), content=notification.body, headers=headers, timeout=subscription.answer_seconds
            )
        except httpx.HTTPError:
            return None
        return answer.status_code

    def _uuid(self) -> UUID:
        """Repeatable by the seed, and never twice, a restart between or not."""
        self._identifiers += 1
        return UUID(bytes=sha256(f"{self._seed}:webhooks:{self._identifiers}".encode()).digest()[:16], version=4)
