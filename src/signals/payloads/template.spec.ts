import { expect, it } from 'vitest';
import { payloadsOf } from '../../../test/support/request-facts.js';
import { hasTemplate } from './template.js';

it.each([
  '/?name={{7*7}}',
  "/?name={{7*'7'}}",
  '/?name=%7B%7B%207*7%20%7D%7D',
  '/?name=%257B%257B7*7%257D%257D',
  '/?name=${7*7}',
  '/?name=${{7*7}}',
  '/?name=%23%7B7*7%7D',
  '/?name=*{7*7}',
  '/?name=<%25=%207*7%20%25>',
  '/?name=@(7*7)',
  '/?name=${{1337*1337}}',
  "/?name={{''.__class__.__mro__[1].__subclasses__()}}",
  '/?name={{request.application.__globals__.__builtins__}}',
  "/?name={{config.__class__.__init__.__globals__['os'].popen('id').read()}}",
  '/?name={{lipsum.__globals__}}',
  '/?name={{constructor.constructor(%27return%20process%27)()}}',
  "/?name={{_self.env.registerUndefinedFilterCallback('exec')}}",
  '/?name=${T(java.lang.Runtime).getRuntime().exec(%27id%27)}',
  '/?name=#{T(java.lang.Runtime).getRuntime().exec("id")}',
  '/?name=${"freemarker.template.utility.Execute"?new()("id")}',
  '/?name=<%25=%20global.process.mainModule.require(%27child_process%27)%20%25>',
  '/%24%7B%28%23a%3D%40org.apache.commons.io.IOUtils%40toString%28%40java.lang.Runtime%40getRuntime%28%29.exec%28%22id%22%29.getInputStream%28%29%2C%22utf-8%22%29%29%7D/',
  '/%24%7B%40java.lang.Runtime%40getRuntime%28%29.exec%28%22nslookup%20x%22%29%7D/',
  '/?redirect:${%23a=new java.lang.ProcessBuilder("id")}',
  '/index.action?redirect=%25%7B%23_memberAccess%5B%27allowStaticMethodAccess%27%5D%3Dtrue%7D',
  '/?class.module.classLoader.resources.context.parent.pipeline.first.pattern=%25%7Bc2%7Di',
  '/?class.module.classLoader.URLs[0]=0',
  '/?class.module.classLoader.DefaultAssertionStatus=x',
  '/?x=${script:javascript:java.lang.Runtime}',
  '/?x=${dns:address|x.example}',
  '/?x=%24%7Burl%3AUTF-8%3Ahttps%3A%2F%2Fx.example%2F%7D',
])('is found in %s', (target) => {
  expect(payloadsOf(target)).toContain('payload:template');
});

it.each([
  '${1234567890*1}',
  '${= 7 * "7" }',
  '<%=7*7%>',
  // Behind the first opening mark, be there others.
  '{{x.__class__}} @(y',
  '@(x.__class__ ${y',
  'class.classloader',
])('is found in %s', (text) => {
  expect(hasTemplate(text)).toBe(true);
});

it.each([
  '',
  '7*7',
  '${7*7',
  '${7+7}',
  '${7/7}',
  '${*7}',
  '${7*}',
  '${12345678901*1}',
  '${1*12345678901}',
  '}${7*x',
  'x*5}${y',
  '__class__ {{x}}',
  '{{x}}',
])('is not found in %j', (text) => {
  expect(hasTemplate(text)).toBe(false);
});
