"""Looking each day whether domains are still proven; for the worker."""

from datetime import datetime

from sqlmodel import Session

from app.core import dns_txt
from app.core.config import Settings
from app.core.errors import PosternError
from app.organisations import domains
from app.organisations.provider_models import Domain


def run(session: Session, settings: Settings, now: datetime) -> int:
    """One after the other, each in a transaction of its own that begins once its name server has answered; gives how
    many.
    """
    due = [(domain.id, domain.record_name) for domain in domains.due(session, now=now)]
    session.commit()
    for domain_id, name in due:
        try:
            found = dns_txt.texts(name, servers=settings.dns_servers)
        except PosternError:
            found = None
        domain = session.get(Domain, domain_id)
        if domain is not None:
            domains.look_again(session, domain=domain, found=found, now=now)
        session.commit()
    return len(due)
