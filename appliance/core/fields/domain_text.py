"""What email and url share: two lists of domains, of which at most one may be set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.core.fields.base import option, read_texts
from appliance.core.fields.checks import domains
from appliance.core.fields.plain_text import PlainTextField

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.collection import Collection


@dataclass(frozen=True, kw_only=True)
class DomainTextField(PlainTextField):
    """A text with a domain in it, which may not be of the one list, or must be of the other."""

    except_domains: tuple[str, ...] = option("exceptDomains", read_texts, ())
    only_domains: tuple[str, ...] = option("onlyDomains", read_texts, ())

    def own_option_errors(self, app: App, collection: Collection) -> dict[str, Any]:
        """The domain lists."""
        return {
            "exceptDomains": domains(self.except_domains, self.only_domains),
            "onlyDomains": domains(self.only_domains, self.except_domains),
        }

    def allows(self, domain: str) -> bool:
        """Whether the lists let this domain in; compared as written."""
        return domain not in self.except_domains and (not self.only_domains or domain in self.only_domains)
