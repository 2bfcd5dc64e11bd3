"""Telling the team: Slack for everybody, PagerDuty for who must wake up, and an outbox so that nothing said is lost.

An alert never delays trading and never raises into it: `send` writes the outbox, hands over, and returns.
"""
