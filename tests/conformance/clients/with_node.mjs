// OpenAI's package for Node, over Responses and over Chat Completions.

import assert from "node:assert/strict";

import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const MODEL = "gpt-6-luna";
const QUESTION = "What does a family ticket for a public evening cost?";
const FACT = "26 euros";
const WEATHER = "What is the weather in Paris?";
const REPORT = "14 degrees and rain";
const Price = z.object({ ticket: z.string(), euros: z.number().int() });
const PARAMETERS = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const FUNCTION = { name: "get_weather", description: "The weather in a city now.", parameters: PARAMETERS };

const client = new OpenAI({ maxRetries: 0 });
const asUser = (content) => [{ role: "user", content }];

const CHECKS = {
  async "responses stream"() {
    const stream = client.responses.stream({ model: MODEL, input: QUESTION });
    const pieces = [];
    stream.on("response.output_text.delta", (event) => pieces.push(event.delta));
    const response = await stream.finalResponse();

    assert.ok(pieces.length > 1);
    assert.equal(pieces.join(""), response.output_text);
    assert.ok(response.output_text.includes(FACT), response.output_text);
  },

  async "responses tool"() {
    const request = { model: MODEL, tools: [{ type: "function", strict: true, ...FUNCTION }] };
    const asked = await client.responses.create({ ...request, input: WEATHER });
    const call = asked.output.find((item) => item.type === "function_call");
    assert.deepEqual(JSON.parse(call.arguments), { city: "Paris" });
    const output = { type: "function_call_output", call_id: call.call_id, output: REPORT };

    const answer = await client.responses.create({
      ...request,
      input: [output],
      previous_response_id: asked.id,
    });
    assert.ok(answer.output_text.includes(REPORT), answer.output_text);
  },

  async "responses structure"() {
    const text = { format: zodTextFormat(Price, "price") };
    const response = await client.responses.parse({ model: MODEL, input: QUESTION, text });

    assert.equal(typeof response.output_parsed.euros, "number");
  },

  async "chat stream"() {
    const stream = client.chat.completions.stream({ model: MODEL, messages: asUser(QUESTION) });
    const pieces = [];
    stream.on("content.delta", ({ delta }) => pieces.push(delta));
    const answer = await stream.finalContent();

    assert.ok(pieces.length > 1);
    assert.equal(pieces.join(""), answer);
    assert.ok(answer.includes(FACT), answer);
  },

  async "chat tool"() {
    const asked = [];
    const getWeather = ({ city }) => asked.push(city) && REPORT;
    const runner = client.chat.completions.runTools({
      model: MODEL,
      messages: asUser(WEATHER),
      reasoning_effort: "none", // chat takes tools of this model only without reasoning
      tools: [{ type: "function", function: { ...FUNCTION, function: getWeather, parse: JSON.parse } }],
    });
    const answer = await runner.finalContent();

    assert.deepEqual(asked, ["Paris"]);
    assert.ok(answer.includes(REPORT), answer);
  },

  async "chat structure"() {
    const response_format = zodResponseFormat(Price, "price");
    const completion = await client.chat.completions.parse({
      model: MODEL,
      messages: asUser(QUESTION),
      response_format,
    });

    assert.equal(typeof completion.choices[0].message.parsed.euros, "number");
  },
};

for (const [name, check] of Object.entries(CHECKS)) {
  try {
    await check();
    console.log(`ok   ${name}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAIL ${name}: ${error.name}: ${error.message}`.replaceAll("\n", " "));
  }
}
