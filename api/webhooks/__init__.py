"""Events out, as Standard Webhooks (https://www.standardwebhooks.com): subscriptions, events, signed deliveries."""
