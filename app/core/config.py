"""Settings: one frozen object, read once from the environment, each field documented where it stands.

Every field is read from `POSTERN_<NAME>`, or from the file that `POSTERN_<NAME>_FILE` names (for secrets that an
orchestrator mounts). `postern settings` prints this list with what is in force.
"""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.core import addresses, errors
from app.core.config_leaks import LeakSettings
from app.core.config_mail import MailSettings
from app.core.config_paying import PayingSettings
from app.core.config_sources import SecretFiles, explain

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds app/, templates/ and static/: Postern is deployed as a checkout."""

PREFIX = "POSTERN_"
DEVELOPMENT_SECRET = "for development only"  # noqa: S105  (refused in production: see _production_is_safe)

Port = Annotated[int, Field(ge=1, le=65535)]


class OidcProvider(BaseModel):
    """An OpenID provider that people may sign in with, found by its discovery document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$", description="Part of the redirect URI; never change it.")
    label: str = Field(description="The words on the button.")
    discovery_url: str = Field(description="Ends in /.well-known/openid-configuration.")
    client_id: str
    client_secret: SecretStr


class Settings(PayingSettings, MailSettings, LeakSettings):
    """What an installation can choose. Defaults run everything on one machine with no account anywhere."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    environment: Literal["development", "production"] = Field(
        "development", description="production refuses default secrets and plain http; development shows /styleguide."
    )
    product_name: str = Field("Postern", description="The name that pages show; a deployment puts its own here.")
    support_contact: str = Field(
        "", max_length=200, description="Whom refusals send people to: an e-mail address or a URL of whoever runs it."
    )
    key_brand: str = Field("pst", pattern=r"^[a-z][a-z0-9]{1,9}$", description="First part of every API key.")

    base_port: Port = Field(8300, description="First of the ports in a row that `postern run` uses.")
    portal_port: Port = Field(default_factory=lambda data: data["base_port"], description="The portal's port.")
    gateway_port: Port = Field(default_factory=lambda data: data["base_port"] + 1, description="The gateway's port.")
    identity_port: Port = Field(
        default_factory=lambda data: data["base_port"] + 2, description="The sandbox identity provider's port."
    )
    sampler_port: Port = Field(
        default_factory=lambda data: data["base_port"] + 3, description="The sample MCP server's port."
    )
    clock_port: Port = Field(
        default_factory=lambda data: data["base_port"] + 4, description="The bridged mcp-server-time's port."
    )
    portal_metrics_port: Port = Field(
        default_factory=lambda data: data["base_port"] + 5, description="Prometheus metrics of the portal."
    )
    gateway_metrics_port: Port = Field(
        default_factory=lambda data: data["base_port"] + 6, description="Prometheus metrics of the gateway."
    )
    bind_host: str = Field("127.0.0.1", description="Address that portal and gateway listen on.")
    metrics_host: str = Field("127.0.0.1", description="Address that the metrics listen on; keep it private.")
    portal_url: str = Field(
        default_factory=lambda data: f"http://127.0.0.1:{data['portal_port']}",
        description="Address of the portal as browsers see it, without a path.",
    )
    gateway_url: str = Field(
        default_factory=lambda data: f"http://127.0.0.1:{data['gateway_port']}",
        description="Address of the gateway as clients see it, without a path.",
    )
    trusted_hosts: tuple[str, ...] = Field((), description="Further hosts that the portal answers to (JSON list).")
    proxy_hops: int = Field(
        0, ge=0, le=5, description="Reverse proxies in front that set X-Forwarded-*; 0 trusts none."
    )
    portal_workers: int = Field(2, ge=1, le=64, description="gunicorn processes of the portal.")
    portal_threads: int = Field(8, ge=1, le=256, description="Threads in each of them.")

    data_dir: Path = Field(ROOT / "var", description="Folder for the SQLite file and logs in development.")
    database_url: str = Field(
        default_factory=lambda data: f"sqlite:///{Path(data['data_dir']).absolute() / 'postern.db'}",
        description="SQLAlchemy URL: sqlite:///… or postgresql://…",
    )
    secret_key: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET), description="Signs CSRF tokens, keys address digests; 32 random bytes or more."
    )
    encryption_keys: tuple[SecretStr, ...] = Field(
        (),
        description="Seal stored credentials (JSON list): the first seals, all open; 32 random bytes or more each. "
        "After adding one at the front: postern secrets rotate.",
    )

    github_client_id: str = Field("", description="OAuth app of GitHub; empty leaves the button out.")
    github_client_secret: SecretStr = Field(SecretStr(""), description="Its secret.")
    google_client_id: str = Field("", description="OAuth client of Google; empty leaves the button out.")
    google_client_secret: SecretStr = Field(SecretStr(""), description="Its secret.")
    oidc_providers: tuple[OidcProvider, ...] = Field(
        (), description='Any OpenID providers, as JSON: [{"name","label","discovery_url","client_id","client_secret"}].'
    )
    dns_servers: tuple[str, ...] = Field(
        (), description="Name servers that domains are proven by (JSON list of address[:port]); empty: the system's."
    )
    sign_ins_per_address: int = Field(
        10, ge=1, description="Sign-ins that one address may begin within five minutes, and as many that it may finish."
    )
    recent_sign_in_minutes: int = Field(
        15,
        ge=1,
        le=720,
        description="What is dangerous, such as deleting an organisation, takes a sign-in this recent.",
    )
    session_idle_minutes: int = Field(720, ge=5, description="A browser session unused for so long ends.")
    session_absolute_hours: int = Field(168, ge=1, description="A browser session older than that ends.")

    gateway_workers: int = Field(
        1, ge=1, le=64, description="Processes of the gateway; each takes a metrics port, counting up from the first."
    )
    gateway_connections: int = Field(
        10_000, ge=16, description="Callers' connections to one of them; more are told to try again."
    )
    max_body_bytes: int = Field(4 * 1024 * 1024, ge=1024, description="Largest request body at the gateway.")
    max_answer_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, description="Largest message that an integration may answer with."
    )
    max_json_depth: int = Field(64, ge=8, le=500, description="Deepest nesting of a request body.")
    body_timeout_s: float = Field(15.0, gt=0, description="A client that takes longer to send its body is refused.")
    connect_timeout_s: float = Field(5.0, gt=0, description="Longest wait for a connection to an integration.")
    answer_timeout_s: float = Field(60.0, gt=0, description="Longest wait for the first byte of an answer.")
    idle_timeout_s: float = Field(300.0, gt=0, description="Longest silence inside a streamed answer.")
    call_timeout_s: float = Field(3600.0, gt=0, description="Longest life of one answer, streams included.")
    upstream_connections: int = Field(256, ge=1, description="Connections to one integration, at most.")
    private_networks: tuple[str, ...] = Field(
        default_factory=lambda data: ("127.0.0.0/8", "::1/128") if data["environment"] == "development" else (),
        description='Networks that integrations may be in although they are not public (JSON list): ["10.0.0.0/8"].',
    )
    currency: Literal["aud", "cad", "chf", "eur", "gbp", "jpy", "krw", "usd"] = Field(
        "usd", description="What all prices and caps on spending are in."
    )
    key_calls_per_minute: int = Field(
        6_000,
        ge=0,
        description="Requests that each key may make in a minute, unless limits say less; 0 for any number.",
    )
    key_streams: int = Field(
        100, ge=0, description="Listening streams that each key may keep open at once; 0 for any number."
    )
    stripe_port: Port = Field(
        default_factory=lambda data: data["base_port"] + 6 + data["gateway_workers"],
        description="The port of the stand-in for Stripe.",
    )
    heartbeat_s: float = Field(2.0, gt=0, description="How often a gateway shows the others that it lives.")
    dead_after_s: float = Field(
        30.0, gt=0, description="A gateway not heard of for so long loses what it had reserved of allowances and caps."
    )
    tools_refresh_s: float = Field(
        300.0, ge=10, description="How often the worker looks whether the tools of integrations are still as approved."
    )
    policy_max_age_s: float = Field(
        60.0, gt=0, description="Without news of revocations for so long, the gateway refuses instead of guessing."
    )
    ledger_timeout_s: float = Field(10.0, gt=0, description="A call that cannot be written down by then is refused.")
    geoip_db: Path | None = Field(
        None,
        description="A file in MaxMind's format (.mmdb) by which the worker knows the country of an address, for "
        "alerts on use; none comes with Postern.",
    )
    spool_dir: Path = Field(
        default_factory=lambda data: Path(data["data_dir"]) / "spool",
        description="Folder on local disk where events wait while the database is away.",
    )
    spool_max_bytes: int = Field(
        256 * 1024 * 1024, ge=0, description="So much may wait there, per gateway process; then calls are refused."
    )
    seal_every_s: float = Field(5.0, gt=0, description="How often the worker seals new events into the chain.")
    answers_kept_hours: int = Field(24, ge=1, description="How long answers to calls with an Idempotency-Key are kept.")

    attempts_kept_hours: int = Field(24, ge=1, description="How long refused tries and free requests can be explained.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least important line shown.")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: JSON in production, else text.")

    @property
    def is_development(self) -> bool:
        return self.environment == "development"

    @property
    def logs_json(self) -> bool:
        return self.log_format == "json" or (self.log_format == "auto" and not self.is_development)

    @property
    def operator(self) -> str:
        """Whom to turn to, as the middle of a sentence."""
        contact = f" ({self.support_contact})" if self.support_contact else ""
        return f"whoever runs this gateway{contact}"

    @property
    def is_https(self) -> bool:
        return self.portal_url.startswith("https://")

    @model_validator(mode="after")
    def _database_is_one_we_speak(self) -> Self:
        if not self.database_url.startswith(("sqlite:///", "postgresql://")):
            raise ValueError(f"{PREFIX}DATABASE_URL must begin with sqlite:/// or postgresql://.")
        return self

    @model_validator(mode="after")
    def _clients_have_secrets(self) -> Self:
        for name in ("github", "google"):
            if getattr(self, f"{name}_client_id") and not getattr(self, f"{name}_client_secret").get_secret_value():
                raise ValueError(f"{PREFIX}{name.upper()}_CLIENT_SECRET is missing beside the client id.")
        return self

    @model_validator(mode="after")
    def _addresses_are_origins(self) -> Self:
        for name in ("portal_url", "gateway_url", "stripe_url"):
            if name == "stripe_url" and not self.stripe_url:
                continue
            parts = urlsplit(getattr(self, name))
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
                raise ValueError(f"{PREFIX}{name.upper()} must look like https://host[:port], without a path.")
        return self

    @model_validator(mode="after")
    def _networks_are_networks(self) -> Self:
        try:
            addresses.networks(self.private_networks)
        except ValueError as problem:
            raise ValueError(f"{PREFIX}PRIVATE_NETWORKS: {problem}") from None
        return self

    @model_validator(mode="after")
    def _production_is_safe(self) -> Self:
        if self.is_development:
            return self
        secret = self.secret_key.get_secret_value()
        if secret == DEVELOPMENT_SECRET or len(secret) < 32:
            raise ValueError("POSTERN_SECRET_KEY must be 32 random characters or more outside development.")
        keys = [key.get_secret_value() for key in self.encryption_keys]
        if not keys or min(map(len, keys)) < 32 or secret in keys:
            raise ValueError(
                f"{PREFIX}ENCRYPTION_KEYS must hold at least one key, each of 32 random characters or more and none "
                "of them the secret key."
            )
        for name in ("portal_url", "gateway_url"):
            if not getattr(self, name).startswith("https://"):
                raise ValueError(f"{PREFIX}{name.upper()} must be https outside development.")
        if self.stripe_url:
            raise ValueError(f"{PREFIX}STRIPE_URL is for development only: with the stand-in, nobody pays.")
        if not (self.oidc_providers or self.github_client_id or self.google_client_id):
            raise ValueError("Nobody could sign in: set POSTERN_GITHUB_*, POSTERN_GOOGLE_* or POSTERN_OIDC_PROVIDERS.")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SecretFiles(settings_cls, PREFIX)


def load() -> Settings:
    """The settings in force.

    Raises errors.Invalid with one line per wrong setting, naming the variable; never with a secret's value.
    """
    try:
        return Settings()
    except ValueError as problem:
        raise errors.Invalid(explain(problem, PREFIX)) from None
