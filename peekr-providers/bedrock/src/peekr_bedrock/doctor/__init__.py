"""What ``peekr doctor`` drives of boto3 and aiobotocore: operations of Bedrock, and the service on this machine."""

from __future__ import annotations

from peekr.probes import Suite
from peekr_bedrock.doctor.answers import answer
from peekr_bedrock.doctor.entries import async_probes, probes

SUITE = Suite("boto3", "boto3", answer=answer, probes=probes)
ASYNC_SUITE = Suite("aiobotocore", "aiobotocore.session", answer=answer, probes=async_probes)
