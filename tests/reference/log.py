"""Section 9 of the rules: the kinds of rows; and the accounts of section 7."""

Row = tuple[int, int, int, int, int]  # time, kind, subject, place, value

KINDS = range(1, 22)
FINISH, EVICT, CAPACITY, ANNOUNCE, PRICE, POST, ARRIVE, WRITE_OFF, OFFER, START = KINDS[:10]
FAIL, PREEMPT, REQUEST, DENY, CANCEL, KILL, EXPIRE, MISS, READY, STAGE, WITHDRAW = KINDS[10:]

ACCOUNTS = range(10)
FEE, OVERAGE, BURST, USED, UNUSED, DELAY, WRITTEN_OFF, SHORTFALL, EGRESS, PENALTY = ACCOUNTS

NOWHERE = -1  # the place of a row that has none
