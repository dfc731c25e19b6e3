"""Words near a number that tell whether it is a phone's, in the languages of many users."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


WORD = re.compile(r"[^\W_]+")
#: Words that name a phone or what is done with it, whole and by their beginning.
PHONE = _words(
    """
    phone phones telephone telephones tele tel tels cell cellular cellphone mobile mobiles mob fax landline
    hotline helpline whatsapp sms viber dial dialed dialled dialing ring rings reach reached reachable contact
    contacts answering registered message messages pager voicemail extension switchboard desk handset portable
    joindre fixe numéro numero handy rufnummer durchwahl rufen móvil movil celular fijo cellulare chiama
    telemóvel telemovel ligue ligar bel bellen mobiel numer volat gsm tlf номер факс κινητό κιν
    """
)
PHONE_BEGINS = tuple(
    sorted(
        _words(
            """
            telefon teléfon téléphon telephon telefoon puhelin handynummer mobil anruf appel llam llám zadzwo komórk
            komork тел мобильн звон τηλ
            """
        )
    )
)
#: The same in scripts that put no spaces between words.
MARKS = tuple(
    sorted(_words("☎ ☏ 📞 📱 电话 電話 手机 手機 携帯 전화 휴대폰 फ़ोन फोन मोबाइल هاتف جوال موبايل טלפון נייד"))
)
#: Words that mean a phone only with what follows, or with what comes before: ``call me at``, ``my number is``.
CALL = frozenset(("call", "calls", "called", "calling", "text", "texting", "texted"))
CALLED = re.compile(
    r"\s+(?:me|us|him|her|them|at|on|to|now|back|from|this|the\snumber|my|our)(?![^\W_])(?!\s+a\s)|\s*[:(]|\s*\Z",
    re.IGNORECASE,
)
WHOSE = _words("my your his her our their new old home work office contact registered")
#: Words that say that a number is something else, if they are nearer to it.
OTHER = _words(
    """
    license licence licenses passport order invoice ticket account acct zip postal postcode case tracking serial
    ref reference isbn issn version box room flight sku part model policy booking transaction id ids pin code
    amount total price population page pages line lines port bytes taxi ssn vat iban bic routing plate vin doi
    pmid date since until year years
    """
)
