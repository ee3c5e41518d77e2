"""Which policy a lab should use: a race between all that are known, and a proof on episodes that none has raced on."""
