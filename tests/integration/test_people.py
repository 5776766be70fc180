"""Users and tokens by the commands an administrator types."""

from __future__ import annotations

from pathlib import Path

from product import Product


def test_users_and_tokens_are_managed_from_the_command_line(tmp_path: Path) -> None:
    product = Product(tmp_path)
    product.ok("init")
    assert "The command line needs none" in product.text("users", "list").output
    invited = product.ok("users", "add", "ann@shop.example", "--name", "Ann", "--role", "default=viewer")
    assert invited["user"]["roles"] == {"default": "viewer"}
    assert product.ok("users", "code", "ann@shop.example")["code"] != invited["code"]
    product.ok("users", "role", "ann@shop.example", "default", "manager")
    issued = product.ok("tokens", "issue", "ann@shop.example", "nightly", "--role", "member", "--days", "30")
    assert issued["text"].startswith("twt_")
    (token,) = product.ok("tokens", "list")["tokens"]
    assert (token["project"], token["role"], issued["text"] in str(token)) == ("default", "member", False)
    assert token["routes"] == []
    product.ok("tokens", "revoke", token["id"])
    product.ok("tokens", "issue", "ann@shop.example", "board", "--routes", "runs", "--routes", "syncs")
    (board,) = product.ok("tokens", "list")["tokens"]
    assert board["routes"] == ["syncs", "runs"]
    assert "syncs, runs" in product.text("tokens", "list").output
    deed = product.ok("audit")["entries"][0]["deed"]
    assert (deed["what"], deed["details"]["routes"]) == ("token.issue", "syncs, runs")
    product.ok("tokens", "revoke", board["id"])
    product.ok("users", "disable", "ann@shop.example")
    (user,) = product.ok("users", "list")["users"]
    assert (user["disabled"], user["roles"]) == (True, {"default": "manager"})
    whats = [entry["deed"]["what"] for entry in product.ok("audit")["entries"]]
    assert whats[:7] == ["user.disable", *["token.revoke", "token.issue"] * 2, "user.role", "user.invite"]


def test_the_second_factor_is_asked_of_everybody_and_taken_out_from_the_command_line(tmp_path: Path) -> None:
    product = Product(tmp_path)
    product.ok("init")
    product.ok("users", "add", "ann")
    assert product.ok("users", "require-factor") == {"required": True}
    found = product.ok("users", "list")
    assert (found["second_factor"], found["required"]) == ([], True)
    assert "off" in product.text("users", "list").output
    refused = product.text("users", "reset-factor", "ann")
    assert (refused.code, "user 'ann' has no second factor" in refused.error) == (10, True)
    assert "left to each user" in product.text("users", "require-factor", "--off").output
    whats = [entry["deed"]["what"] for entry in product.ok("audit")["entries"]]
    assert whats[:2] == ["second_factor.require", "second_factor.require"]


def test_wrong_words_get_one_sentence(tmp_path: Path) -> None:
    product = Product(tmp_path)
    product.ok("init")
    for words, says in (
        (("users", "add", "Ann Bee"), "cannot be a user's id"),
        (("users", "add", "ann", "--role", "default"), "is not PROJECT=ROLE"),
        (("users", "add", "ann", "--role", "default=king"), "'king' is not a role; expected one of viewer, member, manager, admin"),
        (("users", "add", "ann", "--role", "shop=viewer"), "project 'shop' does not exist"),
        (("users", "disable", "ann"), "user 'ann' does not exist"),
        (("tokens", "revoke", "t1"), "there is no token yet"),
    ):
        refused = product.text(*words)
        assert (refused.code, says in refused.error) == (10, True), refused.error
    for option, word, says in (
        ("--role", "king", "Invalid value for '--role': 'king' is not one of 'viewer', 'member'"),
        ("--routes", "all", "Invalid value for '--routes': 'all' is not one of 'session', 'projects'"),
    ):
        refused = product.text("tokens", "issue", "ann", "x", option, word)
        assert (refused.code, says in refused.error) == (2, True), refused.error
