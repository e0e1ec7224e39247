"""what operators give"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "limit_raise",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("measure", sa.String(length=10), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_limit_raise_organisation_id_organisation"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_limit_raise_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_limit_raise"),
    )
    op.create_index("ix_limit_raise_organisation_id", "limit_raise", ["organisation_id"])
    op.create_index("ix_limit_raise_ends_at", "limit_raise", ["ends_at"])
    op.create_table(
        "organisation_note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("words", sa.String(length=2000), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_organisation_note_organisation_id_organisation"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_organisation_note_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_organisation_note"),
    )
    op.create_index(
        "ix_organisation_note_organisation_id_created_at", "organisation_note", ["organisation_id", "created_at"]
    )


def downgrade() -> None:
    op.drop_table("organisation_note")
    op.drop_table("limit_raise")
