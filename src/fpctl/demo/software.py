"""The programs that talk over the network, and whom they talk to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

from fpctl.demo.estate import Role

Account = Literal["user", "system", "network service", "service"]

SERVERS: frozenset[Role] = frozenset({"build", "web", "app", "sql", "monitoring", "file", "domain-controller"})
EVERYWHERE: frozenset[Role] = SERVERS | {"workstation"}
WORKSTATIONS: frozenset[Role] = frozenset({"workstation"})


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a program connects to. `url` is "" for a bare address; `%n` in it stands for a varying number."""

    url: str
    ip: str
    port: int = 443
    protocol: str = "Tcp"


@dataclass(frozen=True, slots=True)
class Binary:
    """One build of a program file, with the hashes a sensor reports of it."""

    file_name: str
    folder: str
    company: str
    product: str
    description: str
    version: str
    size: int
    sha1: str
    sha256: str
    md5: str


@dataclass(frozen=True, slots=True)
class Program:
    """A program as it runs: its builds (devices differ), who starts it and how, and its remotes.

    `weight` is its share of the traffic of a device that has it. `{user}` in a command line or folder
    stands for the device's user.
    """

    builds: tuple[Binary, ...]
    parent: str
    command_lines: tuple[str, ...]
    remotes: tuple[Remote, ...]
    weight: int
    account: Account = "user"
    roles: frozenset[Role] = field(default=EVERYWHERE)


def binary(
    file_name: str,
    folder: str,
    company: str,
    product: str,
    description: str,
    version: str,
    *,
    sha1: str | None = None,
    sha256: str | None = None,
) -> Binary:
    """Return a build whose hashes are derived from what it is, except for those given."""
    identity = f"fpctl demo binary: {company}/{product}/{file_name}/{version}".encode()
    digest = hashlib.sha256(identity).hexdigest()
    return Binary(
        file_name,
        folder,
        company,
        product,
        description,
        version,
        size=80_000 + int(digest[:6], 16) % 9_000_000,
        sha1=sha1 or hashlib.sha1(identity, usedforsecurity=False).hexdigest(),
        sha256=sha256 or digest,
        md5=hashlib.md5(identity, usedforsecurity=False).hexdigest(),
    )


def _builds(
    file_name: str, folder: str, company: str, product: str, description: str, *versions: str
) -> tuple[Binary, ...]:
    return tuple(binary(file_name, folder, company, product, description, version) for version in versions)


_MICROSOFT = "Microsoft Corporation"
_WINDOWS = "Microsoft® Windows® Operating System"
_SYSTEM32 = r"c:\windows\system32"
_DEFENDER_FOLDER = r"c:\programdata\microsoft\windows defender\platform\4.18.26090.11-0"

PROGRAMS: tuple[Program, ...] = (
    Program(
        _builds(
            "chrome.exe",
            r"c:\program files\google\chrome\application",
            "Google LLC",
            "Google Chrome",
            "Google Chrome",
            "142.0.7444.60",
            "141.0.7390.123",
        ),
        "explorer.exe",
        (
            r'"C:\Program Files\Google\Chrome\Application\chrome.exe" --type=utility '
            r"--utility-sub-type=network.mojom.NetworkService --lang=en-US",
        ),
        (
            Remote("www.google.com", "142.250.180.132"),
            Remote("fonts.gstatic.com", "142.250.180.99"),
            Remote("www.linkedin.com", "150.171.22.12"),
            Remote("github.com", "140.82.121.4"),
            Remote("https://www.wikipedia.org/portal", "185.15.58.224"),
            Remote("news.ycombinator.com", "209.216.230.207"),
            Remote("intranet.contoso.com", "10.10.8.20"),
            Remote("www.fabrikam.example", "203.0.113.40"),
            Remote("http://ocsp.digicert.com", "192.229.221.95", 80),
        ),
        26,
        roles=WORKSTATIONS,
    ),
    Program(
        _builds(
            "msedge.exe",
            r"c:\program files (x86)\microsoft\edge\application",
            _MICROSOFT,
            "Microsoft Edge",
            "Microsoft Edge",
            "142.0.3595.53",
            "141.0.3537.99",
        ),
        "explorer.exe",
        (
            r'"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe" --type=utility '
            r"--utility-sub-type=network.mojom.NetworkService --service-sandbox-type=none",
        ),
        (
            Remote("www.bing.com", "204.79.197.200"),
            Remote("edge.microsoft.com", "13.107.21.239"),
            Remote("portal.azure.com", "20.42.65.88"),
            Remote("ntp.msn.com", "204.79.197.203"),
            Remote("sharepoint.contoso.com", "10.10.8.21"),
            Remote("https://login.microsoftonline.com/common", "20.190.159.64"),
        ),
        18,
        roles=WORKSTATIONS,
    ),
    Program(
        _builds(
            "ms-teams.exe",
            r"c:\program files\windowsapps\msteams_25290.205_x64__8wekyb3d8bbwe",
            _MICROSOFT,
            "Microsoft Teams",
            "Microsoft Teams",
            "25290.205.4069.4894",
        ),
        "svchost.exe",
        (r'"C:\Program Files\WindowsApps\MSTeams_25290.205_x64__8wekyb3d8bbwe\ms-teams.exe" msteams:system-initiated',),
        (
            Remote("teams.microsoft.com", "52.113.194.132"),
            Remote("presence.teams.microsoft.com", "52.123.128.14"),
            Remote("", "52.112.120.14", 3478, "Udp"),
            Remote("eu-teams.events.data.microsoft.com", "20.50.80.209"),
        ),
        14,
        roles=WORKSTATIONS,
    ),
    Program(
        _builds(
            "outlook.exe",
            r"c:\program files\microsoft office\root\office16",
            _MICROSOFT,
            "Microsoft Outlook",
            "Microsoft Outlook",
            "16.0.19328.20178",
            "16.0.19231.20194",
        ),
        "explorer.exe",
        (r'"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE"',),
        (Remote("outlook.office365.com", "52.97.137.242"), Remote("autodiscover.contoso.com", "10.10.8.22")),
        9,
        roles=WORKSTATIONS,
    ),
    Program(
        _builds(
            "onedrive.exe",
            r"c:\users\{user}\appdata\local\microsoft\onedrive",
            _MICROSOFT,
            "Microsoft OneDrive",
            "Microsoft OneDrive",
            "25.199.1012.0002",
        ),
        "explorer.exe",
        (r'"C:\Users\{user}\AppData\Local\Microsoft\OneDrive\OneDrive.exe" /background',),
        (Remote("contoso-my.sharepoint.com", "13.107.136.10"), Remote("g.live.com", "40.126.31.69")),
        7,
        roles=WORKSTATIONS,
    ),
    Program(
        _builds(
            "svchost.exe",
            _SYSTEM32,
            _MICROSOFT,
            _WINDOWS,
            "Host Process for Windows Services",
            "10.0.26100.1",
            "10.0.20348.1",
        ),
        "services.exe",
        (
            r"svchost.exe -k NetworkService -p -s Dnscache",
            r"svchost.exe -k netsvcs -p -s wuauserv",
            r"svchost.exe -k NetworkService -p -s DoSvc",
            r"svchost.exe -k LocalService -p -s W32Time",
        ),
        (
            Remote("fe2cr.update.microsoft.com", "20.72.235.82"),
            Remote("", "10.10.1.10", 53, "Udp"),
            Remote("time.windows.com", "168.61.215.74", 123, "Udp"),
            Remote("http://dl.delivery.mp.microsoft.com/filestreaming", "152.199.21.175", 80),
            Remote("slscr.update.microsoft.com", "20.12.23.50"),
        ),
        16,
        "network service",
    ),
    Program(
        _builds(
            "lsass.exe",
            _SYSTEM32,
            _MICROSOFT,
            _WINDOWS,
            "Local Security Authority Process",
            "10.0.26100.1",
            "10.0.20348.1",
        ),
        "wininit.exe",
        ("lsass.exe",),
        (
            Remote("dc-01.contoso.com", "10.10.1.10", 88),
            Remote("dc-02.contoso.com", "10.10.1.11", 389),
            Remote("", "10.10.1.11", 88),
        ),
        7,
        "system",
    ),
    Program(
        _builds(
            "msmpeng.exe", _DEFENDER_FOLDER, _MICROSOFT, _WINDOWS, "Antimalware Service Executable", "4.18.26090.11"
        ),
        "services.exe",
        (rf'"{_DEFENDER_FOLDER}\MsMpEng.exe"',),
        (
            Remote("wdcp.microsoft.com", "20.42.72.131"),
            Remote("https://definitionupdates.microsoft.com/packages", "23.206.229.79"),
        ),
        6,
        "system",
    ),
    Program(
        _builds(
            "senseir.exe",
            r"c:\program files\windows defender advanced threat protection",
            _MICROSOFT,
            _WINDOWS,
            "Windows Defender Advanced Threat Protection",
            "10.8798.26100.1",
        ),
        "mssense.exe",
        (r'"SenseIR.exe" "OnlineSenseIR" "5f1b"',),
        (
            Remote("winatp-gw-weu.microsoft.com", "52.236.188.24"),
            Remote("automatedirstrprdweu.blob.core.windows.net", "20.60.223.68"),
        ),
        4,
        "system",
    ),
    Program(
        _builds(
            "powershell.exe",
            rf"{_SYSTEM32}\windowspowershell\v1.0",
            _MICROSOFT,
            _WINDOWS,
            "Windows PowerShell",
            "10.0.26100.1",
        ),
        "explorer.exe",
        (
            r"powershell.exe -NoProfile -File C:\Scripts\Map-Drives.ps1",
            r"powershell.exe -ExecutionPolicy Bypass -File C:\Scripts\Get-Inventory.ps1",
        ),
        (Remote("graph.microsoft.com", "20.190.160.14"), Remote("file-01.contoso.com", "10.10.2.40", 445)),
        2,
    ),
    Program(
        _builds(
            "msiexec.exe", _SYSTEM32, _MICROSOFT, "Windows Installer - Unicode", "Windows® installer", "5.0.26100.1"
        ),
        "services.exe",
        (r"C:\Windows\System32\msiexec.exe /V",),
        (Remote("http://crl3.digicert.com", "192.229.221.95", 80), Remote("deploy.contoso.com", "10.10.8.30")),
        2,
        "system",
    ),
    Program(
        _builds(
            "connectwise.clientservice.exe",
            r"c:\program files (x86)\connectwise client",
            "ConnectWise, LLC",
            "ConnectWise Control",
            "ConnectWise Control Client Service",
            "25.8.4.9432",
        ),
        "services.exe",
        (
            r'"C:\Program Files (x86)\ConnectWise Client\ConnectWise.ClientService.exe" '
            '"?e=Access&y=Guest&h=relay.contoso.com&p=443"',
        ),
        (Remote("relay.contoso.com", "10.10.8.35"),),
        3,
        "system",
    ),
    Program(
        # A true VNC server: the maker that the rule asks for, another product.
        _builds(
            "vncserver.exe",
            r"c:\program files\realvnc\vnc server",
            "RealVNC Ltd",
            "VNC® Server",
            "RealVNC Server",
            "7.13.1.19",
        ),
        "services.exe",
        (r'"C:\Program Files\RealVNC\VNC Server\vncserver.exe" -service',),
        (Remote("rvnc-cloud.realvnc.com", "165.254.191.212"), Remote("", "10.20.1.77", 5900)),
        2,
        "system",
    ),
    Program(
        # A true RPort client: the product that the rule asks for, another maker.
        _builds("rport.exe", r"c:\program files\rport", "cloudradar GmbH", "rport", "RPort client", "0.9.12"),
        "services.exe",
        (r'"C:\Program Files\rport\rport.exe" -c C:\Program Files\rport\rport.conf service run',),
        (Remote("rport.contoso.com", "10.10.8.31"),),
        1,
        "system",
        roles=SERVERS,
    ),
    Program(
        _builds(
            "w3wp.exe",
            rf"{_SYSTEM32}\inetsrv",
            _MICROSOFT,
            "Internet Information Services",
            "IIS Worker Process",
            "10.0.20348.1",
        ),
        "svchost.exe",
        (r'c:\windows\system32\inetsrv\w3wp.exe -ap "Shop" -v "v4.0" -l "webengine4.dll"',),
        (
            Remote("sql-01.contoso.com", "10.10.2.31", 1433),
            Remote("api.payments.example", "198.51.100.17"),
            Remote("srv-app-02.contoso.com", "10.10.2.12", 8443),
        ),
        24,
        "service",
        frozenset({"web", "app"}),
    ),
    Program(
        _builds(
            "sqlservr.exe",
            r"c:\program files\microsoft sql server\mssql16.mssqlserver\mssql\binn",
            _MICROSOFT,
            "Microsoft SQL Server",
            "SQL Server Windows NT - 64 Bit",
            "2022.160.4215.2",
        ),
        "services.exe",
        (r'"C:\Program Files\Microsoft SQL Server\MSSQL16.MSSQLSERVER\MSSQL\Binn\sqlservr.exe" -sMSSQLSERVER',),
        (
            Remote("", "10.10.2.11", 49812),
            Remote("dc-01.contoso.com", "10.10.1.10", 389),
            Remote("backup.contoso.com", "10.10.8.40"),
        ),
        24,
        "service",
        frozenset({"sql"}),
    ),
    Program(
        _builds(
            "git.exe",
            r"c:\program files\git\mingw64\bin",
            "The Git Development Community",
            "Git",
            "Git for Windows",
            "2.51.2.1",
        ),
        "agent.worker.exe",
        (r"git fetch --tags --prune --progress origin", r"git clone https://git.contoso.com/platform/api.git"),
        (Remote("git.contoso.com", "10.10.8.50"), Remote("github.com", "140.82.121.4")),
        18,
        "service",
        frozenset({"build"}),
    ),
    Program(
        _builds("dotnet.exe", r"c:\program files\dotnet", _MICROSOFT, "Microsoft® .NET", ".NET Host", "9.0.1025.47515"),
        "agent.worker.exe",
        (r"dotnet restore src\Platform.sln", r"dotnet test --no-build --logger trx"),
        (Remote("api.nuget.org", "152.199.23.209"), Remote("https://pkgs.dev.azure.com/contoso", "13.107.42.20")),
        14,
        "service",
        frozenset({"build"}),
    ),
    Program(
        _builds(
            "telegraf.exe",
            r"c:\program files\telegraf",
            "InfluxData Inc.",
            "Telegraf",
            "Telegraf Data Collector",
            "1.36.3",
        ),
        "services.exe",
        (r'"C:\Program Files\telegraf\telegraf.exe" --config "C:\Program Files\telegraf\telegraf.conf"',),
        (Remote("influx.contoso.com", "10.10.8.60", 8086), Remote("srv-web-0%n.contoso.com", "10.10.2.2", 9100)),
        20,
        "service",
        frozenset({"monitoring"}),
    ),
)
"""Background traffic. None of it has the maker and the product that the RPort rule asks for together."""
