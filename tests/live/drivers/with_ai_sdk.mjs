// An application of the Vercel AI SDK, of version 4, 5, 6 or 7, on OpenAI, Anthropic or Gemini.
//
//     node with_ai_sdk.mjs --api NAME --scenario NAME …
//
// What `application.py` is for Python: telemetry as the documentation sets it up, each scenario a request of its own,
// a line of JSON for each into LIVE_REPORT.

import { appendFileSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { SpanKind, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import * as ai from 'ai';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { EnvHttpProxyAgent, setGlobalDispatcher } from 'undici';
import { z } from 'zod';

const { values: asked } = parseArgs({
  options: {
    api: { type: 'string' },
    instrumentation: { type: 'string', multiple: true, default: [] },
    scenario: { type: 'string', multiple: true, default: [] },
  },
});
const major = Number(JSON.parse(readFileSync('node_modules/ai/package.json', 'utf8')).version.split('.')[0]);
const local = process.env.LOCAL_PROVIDER;
setGlobalDispatcher(new EnvHttpProxyAgent());

// Puts who pays onto every span; counts the spans that end.
const payer = {
  customer: '',
  ended: 0,
  onStart(span) { span.setAttribute('customer.id', this.customer); },
  onEnd() { this.ended += 1; },
  async forceFlush() {},
  async shutdown() {},
};
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': process.env.OTEL_SERVICE_NAME }),
  spanProcessors: [payer, new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();
if (major >= 7) {
  const { OpenTelemetry } = await import('@ai-sdk/otel');
  ai.registerTelemetry(new OpenTelemetry());
}

const prompt = (scenario) => `Name a river. (scenario=${scenario})`;
const settings = { maxRetries: 0, experimental_telemetry: { isEnabled: true, functionId: 'rivers' } };
const ask = (scenario, model, more = {}) =>
  ai.generateText({ model, prompt: prompt(scenario), ...settings, ...more });
const stream = async (scenario, model) => {
  const { textStream } = ai.streamText({ model, prompt: prompt(scenario), ...settings });
  for await (const _ of textStream);
};
const river = z.object({ river: z.string() });
const tools = (model) =>
  ask('tools', model, {
    tools: {
      length_km: ai.tool({
        description: "A river's length in km",
        [major === 4 ? 'parameters' : 'inputSchema']: river,
        execute: async () => '742',
      }),
    },
    ...(major === 4 ? { maxSteps: 3 } : { stopWhen: ai.stepCountIs ? ai.stepCountIs(3) : ai.isStepCount(3) }),
  });
const refused = async (model) => {
  try {
    await ask('error', model);
  } catch {
    return;
  }
  throw new Error('The provider refuses this.');
};

const openai = createOpenAI({ apiKey: 'sk-live', compatibility: 'strict' });
const anthropic = createAnthropic({ apiKey: 'sk-ant-live' });
const google = createGoogleGenerativeAI({ apiKey: 'live' });
const claude = anthropic('claude-sonnet-4-5');
const gemini = google('gemini-2.5-flash');
const everywhere = (model) => ({
  plain: () => ask('plain', model),
  stream: () => stream('stream', model),
  cached: () => ask('cached', model),
  tools: () => tools(model),
  thinking: () => ask('thinking', model),
  error: () => refused(model),
});
const scenarios = {
  openai: {
    ...everywhere(openai.chat('gpt-4o-mini')),
    thinking: () => ask('thinking', openai.chat('gpt-5-mini')),
    tier: () => ask('tier', openai.chat('gpt-5-mini'), { providerOptions: { openai: { serviceTier: 'flex' } } }),
    embeddings: () =>
      ai.embed({ model: openai.embedding('text-embedding-3-small'), value: prompt('embeddings'), ...settings }),
    responses: () => ask('responses', openai.responses('gpt-5-mini')),
    responses_stream: () => stream('responses_stream', openai.responses('gpt-5-mini')),
    local: () => ask('local', createOpenAI({ apiKey: 'sk-live', baseURL: `${local}/v1` }).chat('gpt-4o-mini')),
  },
  anthropic: {
    ...everywhere(claude),
    cached_1h: () => ask('cached_1h', claude),
    search: () => ask('search', claude, { tools: { web_search: anthropic.tools.webSearch_20250305?.({}) } }),
    local: () =>
      ask('local', createAnthropic({ apiKey: 'sk-ant-live', baseURL: `${local}/v1` })('claude-sonnet-4-5')),
  },
  gemini: {
    ...everywhere(gemini),
    search: () => ask('search', gemini),
    local: () =>
      ask('local', createGoogleGenerativeAI({ apiKey: 'live', baseURL: `${local}/v1beta` })('gemini-2.5-flash')),
  },
}[asked.api];

const outcomeOf = async (scenario) => {
  if (scenario === undefined) return { outcome: 'missing' };
  try {
    await scenario();
    return { outcome: 'done' };
  } catch (error) {
    console.error(error);
    return { outcome: 'raised', error: `${error.name}: ${error.message}`.slice(0, 300) };
  }
};
for (const name of asked.scenario) {
  payer.customer = name;
  const outcome = await trace
    .getTracer('rivers')
    .startActiveSpan('GET /rivers', { kind: SpanKind.SERVER }, async (span) => {
      try {
        return await outcomeOf(scenarios[name]);
      } finally {
        span.end();
      }
    });
  await provider.forceFlush();
  const report = { scenario: name, ...outcome, spans: payer.ended };
  appendFileSync(process.env.LIVE_REPORT, `${JSON.stringify(report)}\n`);
}
await provider.shutdown();
process.exit(0);
