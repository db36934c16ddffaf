"""Functions that Microsoft's products add to KQL, which no schema of tables lists."""

from __future__ import annotations

from collections.abc import Mapping

PARTLY_KNOWN: Mapping[str, Mapping[str, str]] = {"_GetWatchlist": {"SearchKey": "string"}}
"""Functions that give the named columns and others: those of a watchlist's file.

https://learn.microsoft.com/azure/sentinel/watchlists-queries
"""

TABLES: Mapping[str, Mapping[str, str]] = {
    "AssignedIPAddresses": {
        "Timestamp": "datetime",
        "IPAddress": "string",
        "IPType": "string",
        "NetworkAdapterType": "int",
        "ConnectedNetworks": "int",
    },
}
"""Functions of Defender XDR that are a source.

https://learn.microsoft.com/defender-xdr/advanced-hunting-assignedipaddresses-function
"""

ENRICHMENTS: Mapping[str, Mapping[str, str]] = {
    "FileProfile": {
        "SHA1": "string",
        "SHA256": "string",
        "MD5": "string",
        "FileSize": "int",
        "GlobalPrevalence": "int",
        "GlobalFirstSeen": "datetime",
        "GlobalLastSeen": "datetime",
        "Signer": "string",
        "Issuer": "string",
        "SignerHash": "string",
        "IsCertificateValid": "bool",
        "IsRootSignerMicrosoft": "bool",
        "SignatureState": "string",
        "IsExecutable": "bool",
        "ThreatName": "string",
        "Publisher": "string",
        "SoftwareName": "string",
        "ProfileAvailability": "string",
    },
}
"""Functions of Defender XDR that `invoke` puts on rows: they add columns, looked up for a limited number of rows.

https://learn.microsoft.com/defender-xdr/advanced-hunting-fileprofile-function
"""

INVOKED: Mapping[str, Mapping[str, str]] = {
    "DeviceFromIP": {"IP": "string", "DeviceId": "string"},
    "SeenBy": {"DeviceId": "string"},
}
"""Functions of Defender XDR that `invoke` gives rows to, and that give rows of their own.

https://learn.microsoft.com/defender-xdr/advanced-hunting-devicefromip-function and
https://learn.microsoft.com/defender-xdr/advanced-hunting-seenby-function
"""
