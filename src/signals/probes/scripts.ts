import { suffix, type ProbeEntry } from './probe-entry.js';

/**
 * Scripts of other stacks. A scanner tries them on every host, whatever it runs. So do crawlers that follow links to an
 * older site, so these count only where no route matched, and have a group of their own, to be weighed or switched off.
 */
export const SCRIPTS: readonly ProbeEntry[] = [
  suffix('.php', 'PHP: most holes and back doors that are searched for are written in it'),
  suffix('.php3', 'PHP, by an ending that filters of uploads forget'),
  suffix('.php4', 'PHP, by an ending that filters of uploads forget'),
  suffix('.php5', 'PHP, by an ending that filters of uploads forget'),
  suffix('.php7', 'PHP, by an ending that filters of uploads forget'),
  suffix('.php8', 'PHP, by an ending that filters of uploads forget'),
  suffix('.phtml', 'PHP, by an ending that filters of uploads forget'),
  suffix('.phps', "PHP's source in colours"),
  suffix('.asp', 'Active Server Pages: old, no longer mended'),
  suffix('.aspx', 'ASP.NET: Exchange, SharePoint, Telerik and back doors in them'),
  suffix('.ashx', 'a handler of ASP.NET: where files are uploaded'),
  suffix('.asmx', 'a web service of ASP.NET'),
  suffix('.axd', 'a handler of ASP.NET: traces, error logs, Telerik'),
  suffix('.cer', 'run as a script by IIS: an ending that filters of uploads forget'),
  suffix('.jsp', 'Java: back doors in Tomcat, JBoss and what is built on them'),
  suffix('.jspx', 'Java, by an ending that filters of uploads forget'),
  suffix('.jspa', 'Jira and Confluence'),
  suffix('.do', 'Struts, which has run code more than once'),
  suffix('.action', 'Struts, and Confluence, whose parameters it evaluates'),
  suffix('.cfm', 'ColdFusion'),
  suffix('.cfc', 'a component of ColdFusion, whose methods can be called'),
  suffix('.cgi', 'a program that is started for each request: routers, cameras, old servers'),
  suffix('.pl', 'Perl, started for each request'),
  suffix('.esp', 'appliances of Palo Alto'),
  suffix('.nsf', 'a database of Lotus Domino'),
];
