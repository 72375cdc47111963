"""The values of columns that know only a few."""

import enum

from sqlalchemy import Enum


class Role(enum.Enum):
    """What a user may do; each role includes those before it."""

    USER = "USER"
    EDITOR = "EDITOR"
    ADMIN = "ADMIN"


class PostStatus(enum.Enum):
    """Where a post stands. SCHEDULED is never stored: it is PUBLISHED with a time that is still to come."""

    DRAFT = "DRAFT"
    SCHEDULED = "SCHEDULED"
    PUBLISHED = "PUBLISHED"
    ARCHIVED = "ARCHIVED"


POST_STATUS = Enum(PostStatus, native_enum=False, length=16)
