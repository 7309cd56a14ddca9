"""What collector-config/ promises, tried out with a real Collector between a sender and spanledger, or a stand-in."""
