"""Why reminders are not set so, or not sent, in words that a bookkeeper can act on."""

from infra.errors import Conflict, InvalidInput


class LevelsSenseless(InvalidInput):
    code = "levels_senseless"

    def __init__(self, why: str) -> None:
        super().__init__(f"The steps make no sense: {why}.")


class TemplateWrong(InvalidInput):
    code = "template_wrong"

    def __init__(self, why: str) -> None:
        super().__init__(f"This text cannot be used: {why}.")


class HoursSenseless(InvalidInput):
    code = "hours_senseless"

    def __init__(self) -> None:
        super().__init__("Mails have to begin before they end: send_from is to be an earlier hour than send_until.")


class AddressWrong(InvalidInput):
    code = "address_wrong"

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is no e-mail address.")


class NobodyReminded(Conflict):
    """`code` is why: off, weekend, quiet_hours."""

    _WORDS = {  # noqa: RUF012  # a table
        "off": "Reminders are switched off for this business. Switch them on in the policy first.",
        "weekend": "It is the weekend where this business is, and its policy sends no reminders then.",
        "quiet_hours": "It is outside the hours in which this business sends reminders.",
    }

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(self._WORDS[code])
