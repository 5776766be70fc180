"""Signatures equal those that others computed, and a request shows exactly one credential."""

from __future__ import annotations

import pytest

from tradewind.destinations.thetradedesk.signature import headers, signature
from tradewind.model.destination import Auth, Secret

DATA = '"Data":[{"Name":"test-segment","TTLInMinutes":%d}]'
A = (
    '{"AdvertiserId":"test-advertiser-id","DataProviderId":"rudderstack","Items":['
    f'{{"DAID":"test-daid-1",{DATA % 43200}}},{{{DATA % 43200},"UID2":"test-uid2-1"}},'
    f'{{"DAID":"test-daid-2",{DATA % 0}}},{{{DATA % 0},"UID2":"test-uid2-2"}}]}}'
)
B = (
    '{"AdvertiserId":"test-advertiser-id","DataProviderId":"rudderstack","Items":['
    f'{{"DAID":"test-daid",{DATA % 43200}}},{{{DATA % 43200},"UID2":"test-invalid-uid2"}}]}}'
)


@pytest.mark.parametrize(
    ("body", "secret", "expected"),
    [
        (A, "test-advertiser-secret-key", "8LqGha6I7e3duvhngEvhXoTden0="),
        (A, "mockedDataProviderSecretKey", "tLpf4t5xebsr9Xcqp9PjhOJX7p0="),
        (B, "test-advertiser-secret-key", "9EIeoIGkRkV5oJHfGtoq1lwQl+M="),
        (B, "mockedDataProviderSecretKey", "ZpHWNd1uGvQAv/QW685SQT8tl1I="),
        ('{"data":"example"}', "secret", "rvxETQ7kIU5Cko3GddD2AeFpz8E="),
    ],
)
def test_published_vectors(body: str, secret: str, expected: str) -> None:
    assert signature(body.encode(), Secret(secret)) == expected


def test_the_vectors_are_of_the_published_length() -> None:
    assert (len(A), len(B)) == (378, 236)


def test_one_credential_and_never_both() -> None:
    assert headers(Auth.TOKEN, Secret("t"), signature(b"{}", Secret("t"))) == {"Content-Type": "application/json", "TTD-Auth": "t"}
    assert set(headers(Auth.SIGNATURE, Secret("t"), signature(b"{}", Secret("t")))) == {"Content-Type", "TtdSignature"}
