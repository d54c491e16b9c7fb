"""A configuration that uses every part of the role nginx."""

from __future__ import annotations

from typing import Any

EVERYTHING: dict[str, Any] = {
    "nginx_upstreams": [
        {
            "name": "app",
            "balance": "least_conn",
            "keepalive": 32,
            "servers": [
                {"address": "192.0.2.21", "port": 8080, "weight": 2, "max_fails": 3, "fail_timeout": "5s"},
                {"address": "2001:db8::22", "port": 8080, "max_conns": 100},
                {"address": "unix:/run/app.sock", "backup": True},
                {"address": "spare.example.net", "down": True},
            ],
            "lines": ["# by hand"],
        },
        {"name": "spread", "balance": "hash", "hash_key": "$request_uri", "servers": [{"address": "192.0.2.31"}]},
        {"name": "sticky", "balance": "ip_hash", "keepalive": 0, "servers": [{"address": "192.0.2.41"}]},
    ],
    "nginx_maps": [
        {
            "name": "kind",
            "source": "$http_user_agent",
            "default": "other",
            "entries": {"~*bot": "robot", "default": "a; b", '~^"x{2}\\.y': 'quo"ted'},
        },
        {"name": "tenant", "source": "$host", "hostnames": True, "entries": {"*.example.net": "example"}},
    ],
    "nginx_caches": [{"name": "pages", "max_size": "2g", "min_free": "1g"}, {"name": "own", "path": "/srv/cache"}],
    "nginx_limits": [
        {"name": "per_client", "rate": "10r/s"},
        {"name": "open", "size": "1m", "key": "$server_name"},
    ],
    "nginx_log_formats": [
        {"name": "short", "text": "$remote_addr \"$request\" 'x' $status"},
        {"name": "fields", "fields": {"client": "$remote_addr", "kind": "$kind"}},
    ],
    "nginx_access_log": {"format": "json"},
    "nginx_real_ip": {"trusted": ["192.0.2.11", "2001:db8:1::/48"]},
    "nginx_gzip": {"level": 6},
    "nginx_http_lines": ["resolver 192.0.2.53;"],
    "nginx_sites": [
        {
            "name": "shop",
            "server_names": ["shop.example.net", "www.shop.example.net"],
            "listen": ["80", "[::]:80"],
            "root": "/srv/shop",
            "headers": {"X-Served-By": "$hostname", "x-frame-options": "DENY", "Referrer-Policy": ""},
            "tls": {
                "certificate": "shop",
                "listen": ["443", "[::]:443"],
                "hsts": {"seconds": 600, "subdomains": True},
                "http3": True,
            },
            "access_log": {"format": "fields", "path": "/var/log/nginx/shop.log"},
            "limits": {"connections": {"zone": "open", "max": 100}},
            "client_max_body_size": "20m",
            "timeouts": {"client_header": "10s", "client_body": "10s", "keepalive": "30s", "send": "10s"},
            "error_pages": {404: "/404.html", "502 503 504": "/sorry.html"},
            "locations": [
                {"path": "= /sorry.html", "root": "/srv/errors", "internal": True},
                {"path": "/assets/", "root": "/srv/shop", "expires": "30d", "headers": {"Cache-Control": "public"}},
                {
                    "path": "/",
                    "proxy_pass": "http://app",
                    "limits": {"requests": {"zone": "per_client", "burst": 20}},
                    "proxy": {
                        "next_upstream": ["error", "http_502"],
                        "next_upstream_tries": 2,
                        "intercept_errors": True,
                    },
                },
                {
                    "path": "/pages/",
                    "proxy_pass": "http://app",
                    "cache": {"name": "pages", "valid": {"200 301": "10m", "any": "1m"}, "bypass": ["$cookie_session"]},
                },
                {
                    "path": "/socket",
                    "proxy_pass": "http://app",
                    "proxy": {
                        "websocket": True,
                        "read_timeout": "1h",
                        "buffering": False,
                        "headers": {"X-Tenant": "$tenant"},
                    },
                },
                {
                    "path": "/secure/",
                    "proxy_pass": "https://inner.example.net",
                    "client_max_body_size": "1g",
                    "proxy": {"tls": {"verify": True, "ca": "/etc/ssl/certs/ca.pem", "name": "inner"}},
                    "allow": ["192.0.2.0/24"],
                },
                {"path": "~ \\.php$", "return": {"status": 403, "body": "no {php}\n"}},
                {"path": "/by-hand", "lines": ["add_header X-Hand 1;", "return 204;"]},
            ],
        },
        {
            "name": "plain",
            "server_names": ["plain.example.net"],
            "security_headers": False,
            "access_log": {"enabled": False},
            "real_ip": {"trusted": ["198.51.100.0/24"], "header": "X-Real-IP", "recursive": False},
            "locations": [{"path": "/", "proxy_pass": "http://spread"}],
        },
        {
            "name": "both",
            "server_names": ["both.example.net"],
            "tls": {
                "certificate": "/etc/ssl/both.pem",
                "key": "/etc/ssl/both.key",
                "redirect": False,
                "http2": False,
                "client_ca": "/etc/ssl/clients.pem",
                "client_verify": "optional",
            },
            "locations": [{"path": "/", "try_files": ["$uri", "=404"]}],
        },
        {
            "name": "behind",
            "listen": ["127.0.0.1:8443"],
            "proxy_protocol": True,
            "default": True,
            "root": "/srv",
            "health_path": "",
        },
        {
            "name": "only-tls",
            "listen": [],
            "server_names": ["only.example.net"],
            "root": "/srv",
            "tls": {"certificate": "only", "profile": "modern", "listen": ["8444"]},
        },
    ],
}
