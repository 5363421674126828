import { anywhere, first, type ProbeEntry, spared } from './probe-entry.js';

/**
 * Appliances for mail, VPN and remote work, which stand at the edge of a network and are the way into it. What mail
 * programs ask of any domain by themselves (`autodiscover`, `mapi`, `rpc`, `microsoft-server-activesync`) is left out.
 */
export const APPLIANCES: readonly ProbeEntry[] = [
  // What mail programs and Office ask of the domain in an address, or of where a document came from.
  spared('ews/exchange.asmx', 'mail programs look there for the mailbox of an address'),
  spared('_vti_bin', 'Office and Outlook look there for what they can edit and keep'),
  spared('msoffice/cltreq.asp', "Internet Explorer's bar for discussions looks there"),

  // Exchange.
  first('owa', 'mail in a browser (Exchange): passwords are guessed there'),
  anywhere('owa/auth', 'mail in a browser (Exchange): version, passwords, back doors'),
  first('ecp', "Exchange's administration (CVE-2020-0688)"),
  anywhere('ecp/default.flt', 'Exchange, around its login (ProxyLogon)'),
  anywhere('ecp/y.js', 'Exchange, around its login (ProxyLogon)'),
  anywhere('aspnet_client', 'where back doors are put in Exchange'),

  // Ivanti, which was Pulse Secure.
  anywhere('dana-na', 'VPN of Ivanti: passwords, and many holes'),
  anywhere('dana-cached', 'VPN of Ivanti'),
  anywhere('dana-admin', 'VPN of Ivanti: its administration'),
  anywhere('dana-ws', 'VPN of Ivanti: runs code (CVE-2025-0282)'),
  anywhere('api/v1/totp/user-backup-code', 'VPN of Ivanti, around its login (CVE-2023-46805)'),
  first('mifs', "Ivanti's management of phones, around its login (CVE-2023-35078, CVE-2025-4427)"),
  anywhere('mifs/aad/api', "Ivanti's management of phones, around its login (CVE-2023-35078)"),

  // Fortinet.
  first('remote/login', 'VPN of Fortinet: passwords'),
  first('remote/logincheck', 'VPN of Fortinet: runs code (CVE-2023-27997)'),
  first('remote/info', 'VPN of Fortinet: version'),
  first('remote/error', 'VPN of Fortinet'),
  anywhere('remote/hostcheck_validate', 'VPN of Fortinet: runs code'),
  anywhere('api/v2/cmdb', "Fortinet's settings, around their login (CVE-2022-40684)"),
  anywhere('fgt_lang', 'VPN of Fortinet'),

  // Citrix.
  anywhere('vpn/index.html', 'gateway of Citrix: passwords'),
  first('vpns', 'gateway of Citrix: runs code (CVE-2019-19781)'),
  anywhere('vpns/cfg', 'gateway of Citrix: reads settings (CVE-2019-19781)'),
  anywhere('vpns/portal', 'gateway of Citrix: runs code (CVE-2019-19781)'),
  anywhere(
    'logon/logonpoint',
    'gateway of Citrix: reads its memory (CVE-2023-4966, CVE-2025-5777)',
  ),
  anywhere('nf/auth', 'gateway of Citrix: reads its memory (CVE-2025-5777)'),
  anywhere('citrix/storeweb', 'desktops of Citrix: passwords'),
  anywhere('citrix/xenapp', 'desktops of Citrix: passwords'),

  // Palo Alto.
  anywhere('global-protect/login.esp', 'VPN of Palo Alto: passwords; runs code (CVE-2024-3400)'),
  anywhere('global-protect/portal', 'VPN of Palo Alto'),
  anywhere('global-protect/prelogin.esp', 'VPN of Palo Alto: version'),
  first('global-protect', 'VPN of Palo Alto'),
  anywhere('ssl-vpn/prelogin.esp', 'VPN of Palo Alto: version'),
  anywhere('ssl-vpn/hipreport.esp', 'VPN of Palo Alto: runs code (CVE-2024-3400)'),
  anywhere('sslmgr', 'VPN of Palo Alto: runs code (CVE-2019-1579)'),
  anywhere('php/ztp_gate.php', "Palo Alto's administration, around its login (CVE-2025-0108)"),
  anywhere('php/utils/createremoteappwebsession.php', "Palo Alto's administration (CVE-2024-0012)"),

  // Cisco.
  anywhere(
    '+cscoe+',
    'VPN of Cisco: passwords; reads files (CVE-2020-3452), runs code (CVE-2025-20333)',
  ),
  anywhere('+cscot+', 'VPN of Cisco: reads files (CVE-2020-3452)'),
  anywhere('+cscou+', 'VPN of Cisco'),
  anywhere('+cscol+', 'VPN of Cisco'),
  anywhere('+webvpn+', 'VPN of Cisco'),
  anywhere(
    'webui/logoutconfirm.html',
    'routers of Cisco: whether a back door is in them (CVE-2023-20198)',
  ),
  anywhere('webui_wsma_http', 'routers of Cisco: makes an administrator (CVE-2023-20198)'),
  anywhere('webui_wsma_https', 'routers of Cisco: makes an administrator (CVE-2023-20198)'),

  // Other gateways.
  anywhere('sslvpnlogin.html', 'VPN of SonicWall: passwords'),
  anywhere('api/sonicos', "SonicWall's administration"),
  first('sslvpn', 'VPN, of several makers'),
  anywhere('userportal/controller', 'firewall of Sophos: runs code (CVE-2022-1040)'),
  anywhere('userportal/webpages', 'firewall of Sophos'),
  anywhere('webconsole/webpages', 'firewall of Sophos: its administration'),
  anywhere('tmui/login.jsp', "F5's administration: runs code (CVE-2020-5902)"),
  anywhere('mgmt/tm', "F5's interface: runs commands (CVE-2022-1388)"),
  anywhere('mgmt/shared', "F5's interface: runs commands (CVE-2021-22986)"),
  first('my.policy', 'gateway of F5: passwords'),
  anywhere('wgcgi.cgi', "WatchGuard's administration"),
  anywhere('webauth_operation.php', "Juniper's administration: runs code (CVE-2023-36845)"),
  anywhere('clients/mycrl', 'VPN of Check Point: reads any file (CVE-2024-24919)'),
  anywhere('prx/000', 'VPN of Array: runs code (CVE-2023-28461)'),
  anywhere('por/login_psw.csp', 'VPN of Sangfor: passwords'),
  anywhere('weblogin.htm', 'routers of DrayTek: passwords'),

  // Remote desktops, mail and the management of machines.
  first('rdweb', 'remote desktops of Windows: passwords'),
  anywhere('rdweb/pages', 'remote desktops of Windows: passwords'),
  anywhere('zimbraadmin', "Zimbra's administration"),
  anywhere('service/extension/backup/mboximport', 'Zimbra: takes any file (CVE-2022-37042)'),
  anywhere('helpdesk/webobjects', "SolarWinds' help desk: runs code (CVE-2024-28986)"),
  anywhere('webinterface/function', 'CrushFTP, around its login (CVE-2025-31161)'),
  anywhere('suite-api/api', "VMware's management"),
  anywhere('casa/nodes/thumbprints', "VMware's management: fetches any address (CVE-2021-21975)"),
  anywhere('sdk/vimservice.wsdl', "VMware's interface: version"),
  anywhere('redfish/v1', 'the controller of a server: on, off, and its console'),
  anywhere('rpc2_login', 'recorders of Dahua, around their login (CVE-2021-33044)'),
  anywhere('isapi/security', 'cameras of Hikvision: users'),
  anywhere('doc/page/login.asp', 'cameras of Hikvision: the login'),
];
