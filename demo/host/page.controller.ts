import { Controller, Get, Header } from '@nestjs/common';

const PAGE = `<!doctype html>
<html lang="en">
<title>Sign in</title>
<link rel="stylesheet" href="/assets/sign-in.css">
<form>
  <label>User <input name="username" autocomplete="username" value="demo"></label>
  <label>Password <input name="password" type="password" autocomplete="current-password"></label>
  <button>Sign in</button>
  <output></output>
</form>
<script src="/assets/sign-in.js"></script>
</html>
`;

const STYLE = `form { display: grid; gap: 1rem; max-width: 20rem; margin: 4rem auto; font: 1rem sans-serif; }
`;

const SCRIPT = `document.forms[0].addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const response = await fetch('/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(Object.fromEntries(new FormData(form))),
  });
  const { message } = response.ok ? { message: 'You are signed in.' } : await response.json();
  form.querySelector('output').textContent = message;
});
`;

/** A page with its style and its script, for whoever comes with a browser. */
@Controller()
export class PageController {
  @Get('sign-in')
  @Header('content-type', 'text/html; charset=utf-8')
  page(): string {
    return PAGE;
  }

  @Get('assets/sign-in.css')
  @Header('content-type', 'text/css; charset=utf-8')
  style(): string {
    return STYLE;
  }

  @Get('assets/sign-in.js')
  @Header('content-type', 'text/javascript; charset=utf-8')
  script(): string {
    return SCRIPT;
  }
}
