/** What `npm start` prints when it is ready: each line can be pasted into a second shell as it stands. */
export function whatToTry(baseUrl: string): string {
  return `
# In a second shell; X-Forwarded-For plays the client, because the demo trusts 127.0.0.1 as its proxy:
curl -i -H 'X-Forwarded-For: 203.0.113.7' ${baseUrl}/whoami
curl -i -H 'X-Forwarded-For: 203.0.113.7' -H 'Content-Type: application/json' -d '{"username":"demo","password":"wrong"}' ${baseUrl}/login
curl -i -H 'X-Forwarded-For: 203.0.113.7' ${baseUrl}/admin

npm run -s ip-tracking -- block-ip 203.0.113.7 --reason "test"
curl -i -H 'X-Forwarded-For: 203.0.113.7' ${baseUrl}/whoami
npm run -s ip-tracking -- list-rules
npm run -s ip-tracking -- unblock-ip 203.0.113.7

npm run -s replay -- test/fixtures/apache-combined-10k.log.gz
npm run -s ip-tracking -- flag-suspicious
npm run -s ip-tracking -- suspicious

# Ctrl-C stops the demo; its data stays.`;
}
