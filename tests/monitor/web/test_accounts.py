"""The accounts file: made by a command, read with clear errors, never with a plain password in it."""

from pathlib import Path

import pytest

from monitor.web.accounts import (
    Accounts,
    AccountsError,
    check_bind,
    hash_password,
    parse_accounts,
    remove_account,
    write_account,
)

PASSWORD = "une phrase longue"


def test_a_password_is_kept_hashed_in_a_file_of_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    write_account(path, "mairie-fatoma", PASSWORD, "commune:fatoma")
    write_account(path, "operateur", PASSWORD, "operator")
    assert PASSWORD not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    accounts = Accounts(path)
    mayor = accounts.check("mairie-fatoma", PASSWORD)
    assert mayor is not None
    assert (mayor.viewer.role, mayor.viewer.commune, mayor.viewer.acknowledges) == ("commune", "fatoma", False)
    assert mayor.viewer.sees("fatoma")
    assert not mayor.viewer.sees("konna")
    assert accounts.check("mairie-fatoma", PASSWORD + "x") is None
    assert accounts.check("nobody", PASSWORD) is None


def test_two_equal_passwords_have_different_hashes() -> None:
    assert hash_password(PASSWORD) != hash_password(PASSWORD)


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    write_account(path, "a", PASSWORD, "operator")
    accounts = Accounts(path)
    write_account(path, "b", PASSWORD, "technician")
    assert accounts.check("b", PASSWORD) is not None
    assert remove_account(path, "a")
    assert not remove_account(path, "a")
    assert accounts.get("a") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[account", "not valid TOML"),
        ("[user.a]\nrole = 'operator'", "expected tables [account.NAME]"),
        ("[account.a]\npassword = 'geheim'\nrole = 'operator'", "not a plain password"),
        ("[account.a]\npassword = 'scrypt:x'\nrole = 'king'", "technician, operator or commune:ID"),
        ("[account.a]\npassword = 'scrypt:x'\nrole = 'commune:'", "technician, operator or commune:ID"),
        ("[account.a]\npassword = 'scrypt:x'", "found None"),
        ("[account.a]\npassword = 'scrypt:x'\nrole = 'operator'\nmail = 'x'", "expected the keys password and role"),
        ("[account.'A b']\npassword = 'scrypt:x'\nrole = 'operator'", "a name is 1 to 32"),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, said: str) -> None:
    with pytest.raises(AccountsError) as caught:
        parse_accounts(text)
    assert said in str(caught.value)


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(AccountsError, match="cannot be read"):
        Accounts(tmp_path / "none.toml")


def test_a_short_password_is_refused() -> None:
    with pytest.raises(AccountsError, match="at least 8"):
        hash_password("sésame")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.53"])
def test_without_accounts_this_machine_may_look(host: str) -> None:
    check_bind(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.168.1.20", "trezor.example"])
def test_without_accounts_nobody_else_may(host: str, tmp_path: Path) -> None:
    with pytest.raises(AccountsError, match="trezor account add"):
        check_bind(host, None)
    path = tmp_path / "accounts.toml"
    write_account(path, "operateur", PASSWORD, "operator")
    check_bind(host, Accounts(path))
