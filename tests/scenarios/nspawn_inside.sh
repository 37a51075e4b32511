#!/bin/sh
# Runs inside the container that nspawn.sh boots, as root, with systemd running.
# /test/passed exists afterwards if all was as expected.
set -eu

log=/var/log/auth.log
webhooks=/test/webhooks

expect() {
	echo "expect: $1"
	shift
	"$@" || { echo "NOT SO: $*"; exit 1; }
}

# within SECONDS COMMAND...: until it succeeds
within() {
	rounds=$(($1 * 5))
	shift
	until "$@" >/dev/null 2>&1; do
		rounds=$((rounds - 1))
		[ $rounds -gt 0 ] || return 1
		sleep 0.2
	done
}

# guess ADDRESS N: N failed logins from there
guess() {
	i=0
	while [ $i -lt "$2" ]; do
		i=$((i + 1))
		echo "$(LC_ALL=C date '+%b %e %H:%M:%S') host sshd[$((700 + i))]: Failed password" \
		    "for root from $1 port $((40000 + i)) ssh2" >>$log
	done
}

told_of() {
	grep -q "$1" $webhooks
}

counted() {
	triagectl -o json incidents | grep -q "\"count\": *$1\b"
}

main_pid() {
	systemctl show -P MainPID triaged
}

restarted() {
	systemctl is-active --quiet triaged && [ "$(main_pid)" != "$1" ]
}

no_redis() {
	for comm in /proc/[0-9]*/comm; do
		! grep -q redis "$comm" 2>/dev/null || return 1
	done
}

# --- as an administrator sets it up

systemd-sysusers
systemd-tmpfiles --create triaged.conf
secret=whsec_$(head -c 24 /dev/urandom | base64)
python3 /test/receiver --port-file /test/port --out $webhooks --secret "$secret" >/test/receiver.log 2>&1 &
expect 'the receiver listens' within 10 test -s /test/port

install -m 0640 -g adm /dev/null $log
(umask 077; echo "$secret" >/etc/triaged/webhook-secret)
mkdir -p /etc/systemd/system/triaged.service.d
cat >/etc/systemd/system/triaged.service.d/secret.conf <<'END'
[Service]
LoadCredential=webhook-secret:/etc/triaged/webhook-secret
END
cat >>/etc/triaged/triaged.yaml <<END

channels:
  - id: receiver
    type: webhook
    url: http://127.0.0.1:$(cat /test/port)/
    insecure: true
    secret_file: /run/credentials/triaged.service/webhook-secret
END
systemctl daemon-reload

# --- start to stop

expect 'it starts and says so' systemctl start triaged
expect 'as a user of its own' test "$(stat -c %U "/proc/$(main_pid)")" = triaged
expect 'its state is private' test "$(stat -c '%U %a' /var/lib/triaged)" = 'triaged 700'
expect 'exposure of at most 2.0' sh -c \
    'systemd-analyze security --no-pager --threshold=20 triaged >/test/security 2>&1'

expect 'Redis is there' within 30 sh -c 'triagectl -o json status | grep -q "\"ready\": *true"'

guess 203.0.113.7 6
expect 'a webhook comes' within 60 told_of 203.0.113.7
expect 'signed with the secret that systemd handed over' grep -q '"signature_ok": true' $webhooks
expect 'the incident is shown' within 10 counted 6

mkdir -p /etc/triaged/rules.d
printf 'events:\n  - id: broken\n    matsch: [x]\n' >/etc/triaged/rules.d/site.yaml
expect 'a broken rule is refused' sh -c '! systemctl reload triaged'
expect 'and located in the journal' within 10 sh -c \
    'journalctl -q --sync; journalctl -q -u triaged | grep -q "site.yaml:3:"'
guess 203.0.113.7 2
expect 'the old rules go on' within 30 counted 8

rm /etc/triaged/rules.d/site.yaml
expect 'reload when it is mended' systemctl reload triaged

before=$(main_pid)
kill -9 "$before"
expect 'started again after kill -9' within 30 restarted "$before"
guess 203.0.113.7 1
expect 'and counts on' within 30 counted 9

expect 'it stops when told' systemctl stop triaged
expect 'cleanly' test "$(systemctl show -P Result triaged)" = success
expect 'with its Redis' no_redis

# --- without JIT, no memory is written and run

cp /test/no-jit.conf /etc/systemd/system/triaged.service.d/
printf '\nmatch:\n  jit: false\n' >>/etc/triaged/triaged.yaml
systemctl daemon-reload
expect 'it starts without JIT' systemctl start triaged
guess 203.0.113.8 6
expect 'and works' within 60 told_of 203.0.113.8

# --- a configuration that is refused

echo 'nonsense: true' >>/etc/triaged/triaged.yaml
expect 'a broken configuration is refused' sh -c '! systemctl restart triaged'
expect 'with status 2' test "$(systemctl show -P ExecMainStatus triaged)" = 2
expect 'and not tried again' test "$(systemctl show -P NRestarts triaged)" = 0

touch /test/passed
